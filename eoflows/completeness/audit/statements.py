"""The SQL of an inventory. A checksum is `algorithm:hex`; two are compared if their algorithm is the same."""

__all__ = ["CHECKABLE", "DAYS", "FINDINGS", "ITEMS", "SCHEMA", "WANTED"]

SCHEMA = """
CREATE TABLE offered (
    item TEXT, asset TEXT, day TEXT, size INTEGER, checksum TEXT, stream TEXT, hours REAL,
    PRIMARY KEY (item, asset)
) WITHOUT ROWID;
CREATE TABLE records (item TEXT PRIMARY KEY, day TEXT, unpublished INTEGER) WITHOUT ROWID;
CREATE TABLE recorded (
    item TEXT, asset TEXT, key TEXT, top TEXT, size INTEGER, checksum TEXT, PRIMARY KEY (item, asset)
) WITHOUT ROWID;
CREATE INDEX recorded_top ON recorded (top);
CREATE TABLE objects (
    key TEXT PRIMARY KEY, item TEXT, rest TEXT, top TEXT, size INTEGER, modified REAL
) WITHOUT ROWID;
CREATE INDEX objects_top ON objects (top);
CREATE TABLE spoiled (key TEXT PRIMARY KEY, found TEXT) WITHOUT ROWID;
"""

_DIFFERS = """(o.size <> r.size OR (o.checksum <> r.checksum
    AND substr(o.checksum, 1, instr(o.checksum, ':')) = substr(r.checksum, 1, instr(r.checksum, ':'))))"""

_OFFERED = "EXISTS (SELECT 1 FROM offered f WHERE f.item = {0}.item)"

FINDINGS = f"""
SELECT o.day AS day, 'missing' AS kind, o.item AS item, o.asset AS asset, '' AS key,
    '' AS expected, '' AS found, 1 AS offered
FROM offered o LEFT JOIN recorded r ON r.item = o.item AND r.asset = o.asset
WHERE r.item IS NULL AND NOT EXISTS (SELECT 1 FROM records c WHERE c.item = o.item AND c.unpublished)
UNION ALL
SELECT o.day, 'outdated', o.item, o.asset, coalesce(r.key, ''),
    CASE WHEN o.size <> r.size THEN CAST(o.size AS TEXT) ELSE o.checksum END,
    CASE WHEN o.size <> r.size THEN CAST(r.size AS TEXT) ELSE r.checksum END, 1
FROM offered o JOIN recorded r ON r.item = o.item AND r.asset = o.asset WHERE {_DIFFERS}
UNION ALL
SELECT c.day, 'orphaned', r.item, r.asset, r.key, '', '', {_OFFERED.format("r")}
FROM recorded r JOIN records c ON c.item = r.item
WHERE r.key IS NOT NULL AND NOT c.unpublished
    AND NOT EXISTS (SELECT 1 FROM objects b WHERE b.key = r.key)
    AND NOT EXISTS (
        SELECT 1 FROM objects b WHERE b.top = r.top AND substr(b.key, 1, length(r.key) + 1) = r.key || '/'
    )
UNION ALL
SELECT c.day, 'wrong size', r.item, r.asset, r.key, CAST(r.size AS TEXT), CAST(b.size AS TEXT),
    {_OFFERED.format("r")}
FROM recorded r JOIN records c ON c.item = r.item JOIN objects b ON b.key = r.key WHERE b.size <> r.size
UNION ALL
SELECT c.day, 'wrong size', r.item, r.asset, r.key, CAST(r.size AS TEXT), CAST(sum(b.size) AS TEXT),
    {_OFFERED.format("r")}
FROM recorded r JOIN records c ON c.item = r.item
    JOIN objects b ON b.top = r.top AND substr(b.key, 1, length(r.key) + 1) = r.key || '/'
GROUP BY r.item, r.asset HAVING sum(b.size) <> r.size
UNION ALL
SELECT c.day, 'wrong checksum', r.item, r.asset, r.key, r.checksum, s.found, {_OFFERED.format("r")}
FROM spoiled s JOIN recorded r ON r.key = s.key JOIN records c ON c.item = r.item
UNION ALL
SELECT coalesce((SELECT f.day FROM offered f WHERE f.item = b.item),
        (SELECT c.day FROM records c WHERE c.item = b.item), date(b.modified, 'unixepoch')),
    'unregistered', b.item, b.rest, b.key, '', '', {_OFFERED.format("b")}
FROM objects b
WHERE b.modified < :before AND NOT EXISTS (SELECT 1 FROM recorded r WHERE r.top = b.top)
"""  # noqa: S608

DAYS = """
SELECT o.day, count(*), sum(NOT o.lacking AND c.item IS NOT NULL AND NOT c.unpublished),
    sum(coalesce(c.unpublished, 0))
FROM (
    SELECT o.day AS day, o.item AS item, max(r.item IS NULL) AS lacking
    FROM offered o LEFT JOIN recorded r ON r.item = o.item AND r.asset = o.asset GROUP BY o.item
) o LEFT JOIN records c ON c.item = o.item GROUP BY 1
"""

ITEMS = f"""
SELECT o.stream, o.day, o.item, o.hours,
    coalesce((SELECT min(r.key) FROM recorded r WHERE r.item = o.item), ''),
    coalesce(c.unpublished, 0), coalesce(f.kinds, '')
FROM (SELECT item, min(stream) AS stream, min(day) AS day, min(hours) AS hours FROM offered GROUP BY item) o
LEFT JOIN records c ON c.item = o.item
LEFT JOIN (
    SELECT item, group_concat(DISTINCT kind) AS kinds FROM ({FINDINGS.replace(":before", "0")}) GROUP BY item
) f ON f.item = o.item
ORDER BY 1, 2, 3
"""  # noqa: S608

CHECKABLE = """
SELECT r.key, r.checksum FROM recorded r JOIN objects b ON b.key = r.key
WHERE r.checksum IS NOT NULL AND (r.size IS NULL OR r.size = b.size) ORDER BY 1
"""

WANTED = f"""
CREATE TABLE wanted AS SELECT DISTINCT f.day AS day, f.item AS item
FROM ({FINDINGS.replace(":before", "0")}) n JOIN offered f ON f.item = n.item WHERE n.kind <> 'unregistered'
"""  # noqa: S608
