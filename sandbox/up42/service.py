"""One region of UP42: auth host, API host and object store, with the handles that tests need."""

from collections.abc import Callable, Mapping
from datetime import datetime

from starlette.requests import Request
from starlette.routing import Route

from eoflows.sandbox.origins import Origins
from eoflows.sandbox.up42.accounts import Account
from eoflows.sandbox.up42.auth import Tokens, auth_routes
from eoflows.sandbox.up42.files import StoredFile
from eoflows.sandbox.up42.items import StoredItem, result_item, source_items
from eoflows.sandbox.up42.jobs import Job, JobStore
from eoflows.sandbox.up42.processing import Processing
from eoflows.sandbox.up42.settings import Up42Settings, User
from eoflows.sandbox.up42.signing import Signer
from eoflows.sandbox.up42.storage import Storage
from eoflows.sandbox.up42.terms import Terms
from eoflows.sandbox.up42.throttle import Throttle

__all__ = ["Up42", "up42_regions"]


class Up42:
    """A region, with state of its own."""

    def __init__(
        self, region: str, settings: Up42Settings, clock: Callable[[], datetime], origins: Origins, seed: int
    ) -> None:
        name = "/up42" if region == "eu" else f"/up42-{region}"
        self.prefix = name
        """Path of the API host, as `/up42`."""
        self.auth_prefix = f"{name}-auth"
        """Path of the auth host."""
        self.settings = settings
        self._origins = origins
        self._seed = seed
        self._throttle = Throttle(settings.requests_per_second, settings.burst)
        self.tokens = Tokens(settings.users, settings.token_lifetime, clock, f"{seed}:{region}")
        """Tokens issued: `expire_all`, `issued`."""
        self.terms = Terms(settings, clock)
        """Prices, licences, rules: `set_price`, `set_license`, `set_rules`."""
        self.jobs = JobStore(settings, clock, self._deliver)
        """All jobs, and `accounts` with their credits."""
        self.storage = Storage(name, self._who, self._sign)
        """All items and files."""
        self.signer = Signer(
            prefix=f"{name}-storage",
            lifetime=settings.signed_url_lifetime,
            refuses_bearer=settings.signed_url_refuses_bearer,
            clock=clock,
            find=self.storage.file,
        )
        """Signed URLs: `revoke`."""
        self._fill()

    @property
    def url(self) -> str:
        """Address of the API host, without a slash at the end."""
        return f"{self._origins.url}{self.prefix}"

    @property
    def auth_url(self) -> str:
        """Address of the auth host."""
        return f"{self._origins.url}{self.auth_prefix}"

    def user(self, login: str = "demo") -> User:
        """Return a person's password, account and workspace."""
        return self.settings.users[login]

    def account(self, login: str = "demo") -> Account:
        """Return the credits of a person's account."""
        return self.jobs.accounts[self.user(login).account]

    def sources(self, login: str = "demo") -> list[StoredItem]:
        """Return the items that a person's account has bought, in the order that `source_items` describes."""
        bought = self.storage.items(self.user(login).account)
        return sorted((item for item in bought if "up42-system:job_id" not in item.own), key=_taken)

    def item_url(self, item: StoredItem) -> str:
        """Return an item's self href."""
        return f"{self.url}{item.path}"

    def reset(self) -> None:
        """Go back to the start: no jobs, all credits, prices and licences as set. Tokens stay valid."""
        self.jobs.clear()
        self.terms.reset()
        self.storage.clear()
        self._throttle.clear()
        self._fill()

    def routes(self) -> list[Route]:
        """Return the routes of all hosts."""
        next_base = {
            "relative": "",
            "absolute": self.url,
            "elsewhere": f"{self._origins.other_url}{self.prefix}",
        }[self.settings.next_link]
        processing = Processing(
            terms=self.terms, jobs=self.jobs, storage=self.storage, who=self._who, next_base=next_base
        )
        return [
            *auth_routes(self.tokens, self.auth_prefix),
            *processing.routes(self.prefix),
            *self.storage.routes(),
            *self.signer.routes(),
        ]

    def _who(self, request: Request) -> User:
        """Let a request to the API pass and return who asks; `request.state.user` has it, too."""
        self._throttle.admit(request.client.host if request.client else "")
        request.state.user = self.tokens.user(request)
        user: User = request.state.user
        return user

    def _sign(self, file: StoredFile) -> str:
        return self.signer.url(self._origins.other_url, file)

    def _fill(self) -> None:
        first = {user.account: user.workspace for user in reversed([*self.settings.users.values()])}
        for account, workspace in first.items():
            bought = source_items(
                account,
                workspace,
                self.settings.sources,
                seed=self._seed,
                api_prefix=self.prefix,
                checksums=self.settings.checksums,
            )
            self.storage.add(*bought)

    def _deliver(self, job: Job) -> str:
        """Put a job's result into storage and return the address of its collection."""
        item = result_item(
            job,
            size=self.settings.result_size,
            area=10.0,
            api_prefix=self.prefix,
            checksums=self.settings.checksums,
        )
        self.storage.add(item)
        return f"{self.url}/v2/assets/stac/collections/{item.collection}"


def _taken(item: StoredItem) -> datetime:
    return item.moment


def up42_regions(
    settings: Up42Settings, clock: Callable[[], datetime], origins: Origins, seed: int
) -> Mapping[str, Up42]:
    """Return the regions by name."""
    return {region: Up42(region, settings, clock, origins, seed) for region in settings.regions}
