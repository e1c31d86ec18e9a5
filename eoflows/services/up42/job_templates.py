"""Templates in plain code: a process, its inputs, what is wrong with them and what they cost."""

from copy import deepcopy
from dataclasses import dataclass, field, make_dataclass
from typing import Any, ClassVar

from pystac import Item

from eoflows.base.background import wait_for
from eoflows.base.errors import BudgetError, InvalidInputError
from eoflows.services.up42.client import Up42Client
from eoflows.services.up42.cost import Cost
from eoflows.services.up42.job import Job
from eoflows.services.up42.models import JobRecord, ValidationError
from eoflows.services.up42.plain import plain_client
from eoflows.services.up42.templates import MULTI_ITEM, SINGLE_ITEM, InputRow, TemplateRow, inputs_of, row_of

__all__ = [
    "JobTemplate",
    "MultiItemJobTemplate",
    "SingleItemJobTemplate",
    "class_of",
    "template_of",
]


@dataclass
class JobTemplate:
    """A process with inputs, checked and priced when it is made; a subclass says which.

    Attributes:
        process_id: Name of the process.
        takes: What it takes.
        workspace_id: Workspace of the job; None: that of the client.
        client: The account; None: that of the nearest `with Up42Client(...)`.
        errors: What is wrong with it; empty if it is valid.
    """

    process_id: ClassVar[str]
    takes: ClassVar[tuple[InputRow, ...]]

    workspace_id: str | None = field(default=None, kw_only=True)
    client: Up42Client | None = field(default=None, kw_only=True, repr=False, compare=False)
    errors: set[ValidationError] = field(default_factory=set, init=False, compare=False)
    _cost: Cost | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.client = plain_client(self.client)
        wait_for(self._examine(self.client))

    async def _examine(self, client: Up42Client) -> None:
        inputs = self.inputs
        self.workspace_id = self.workspace_id or await client.workspace()
        self.errors = set(await client.check(self.process_id, inputs))
        self._cost = None if self.errors else await client.estimate(self.process_id, inputs)

    @property
    def inputs(self) -> dict[str, Any]:
        """The inputs as they are sent; items as their self hrefs.

        Raises:
            InvalidInputError: One is missing, or an item has no self href.
        """
        row = TemplateRow(type(self).__name__, self.process_id, self.takes)
        return inputs_of(row, {one.attribute: getattr(self, one.attribute) for one in self.takes})

    @property
    def is_valid(self) -> bool:
        """Whether the job can run."""
        return not self.errors

    @property
    def cost(self) -> Cost:
        """What it cost when the template was made; `execute(max_credits=...)` asks again.

        Raises:
            InvalidInputError: It is not valid, and has no price.
        """
        if self._cost is None:
            raise InvalidInputError(f"an invalid template has no cost: {self._words()}")
        return self._cost

    def execute(self, *, budget_id: str | None = None, max_credits: float | None = None) -> Job:
        """Make the job, which costs its price. It is sent once; called twice, it makes two jobs.

        Args:
            budget_id: A budget kept by UP42 that pays for it.
            max_credits: The most that it may cost, by an estimate taken just before; None sets no limit.

        Raises:
            InvalidInputError: The template is not valid; nothing was sent.
            BudgetError: It costs more; nothing was sent.
            RefusedError, UnsentError, ThrottledError: There is certainly no job.
            OutcomeUnknownError: Nobody can say whether there is one.
        """
        if self.errors:
            raise InvalidInputError(f"an invalid template is not executed: {self._words()}")
        client = plain_client(self.client)
        return Job.of(wait_for(self._execute(client, budget_id, max_credits)), client)

    async def _execute(self, client: Up42Client, budget_id: str | None, most: float | None) -> JobRecord:
        inputs = self.inputs
        if most is not None and (cost := await client.estimate(self.process_id, inputs)) > most:
            raise BudgetError(f"{self.process_id} costs {cost.credits} credits, at most {most} are allowed")
        return await client.execute(
            self.process_id, inputs, workspace_id=self.workspace_id, budget_id=budget_id
        )

    def _words(self) -> str:
        return "; ".join(f"{error.name}: {error.message}" for error in sorted(self.errors))


@dataclass
class SingleItemJobTemplate(JobTemplate):
    """A process of one STAC item.

    Attributes:
        title: Title of the resulting item and collection.
        item: The item to process, with its self href in storage.
    """

    takes: ClassVar[tuple[InputRow, ...]] = SINGLE_ITEM

    title: str
    item: Item


@dataclass
class MultiItemJobTemplate(JobTemplate):
    """A process of several STAC items.

    Attributes:
        title: Title of the resulting item and collection.
        items: The items to process, with their self hrefs in storage.
    """

    takes: ClassVar[tuple[InputRow, ...]] = MULTI_ITEM

    title: str
    items: list[Item]


_RESERVED = frozenset({*dir(JobTemplate), *JobTemplate.__dataclass_fields__, "process_id", "takes"})


def class_of(row: TemplateRow, *, module: str = __name__) -> type[JobTemplate]:
    """Make the template class of a row; its arguments are the row's inputs in their order.

    Args:
        row: The row.
        module: Where the class is to be found.
    """
    bases: tuple[type[JobTemplate], ...] = (SingleItemJobTemplate, MultiItemJobTemplate)
    base = next((one for one in bases if one.takes == row.inputs), JobTemplate)
    own = [] if base is not JobTemplate else [_field_of(one) for one in row.inputs]
    about = {"process_id": row.process_id, "takes": row.inputs, "__module__": module}
    return make_dataclass(
        row.name, own, bases=(base,), namespace=about | {"__doc__": f"Process `{row.process_id}`."}
    )


def _field_of(one: InputRow) -> tuple[str, Any, Any]:
    if one.required:
        return one.attribute, Any, field()
    if isinstance(one.default, list | dict):
        return one.attribute, Any, field(default_factory=lambda: deepcopy(one.default))
    return one.attribute, Any, field(default=one.default)


def template_of(process_id: str, *, client: Up42Client | None = None) -> type[JobTemplate]:
    """Make the template class of any process from its description, also of one that is new.

    Args:
        process_id: Name of the process.
        client: The account; None: that of the nearest `with Up42Client(...)`.

    Raises:
        AbsentError: There is no such process.
        ContractError: It is not described.

    Example:
        ```python
        Mosaic = template_of("mosaicking")
        template = Mosaic(title="A mosaic", items=items)
        ```
    """
    description = wait_for(plain_client(client).process(process_id))
    return class_of(row_of(description, reserved=_RESERVED))
