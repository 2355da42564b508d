"""Reads an Iceberg table by its metadata file and prints one JSON object a row, in no order.

Arguments: the location of the metadata file, properties of the file system as JSON, and a row filter or "".
Bytes become {"hex": ...}, times microseconds, the entries of maps [key, value].
"""

import datetime
import json
import sys

from pyiceberg.table import StaticTable

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def plain(value):
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, datetime.datetime):
        return (value - EPOCH) // datetime.timedelta(microseconds=1)
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    return value


location, properties, row_filter = sys.argv[1:4]
table = StaticTable.from_metadata(location, json.loads(properties))
scan = table.scan(row_filter=row_filter) if row_filter else table.scan()
for row in scan.to_arrow().to_pylist():
    print(json.dumps(plain(row)))
