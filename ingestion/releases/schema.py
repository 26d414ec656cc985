"""The ledger's tables. One database may keep the ledgers of several indexes."""

from __future__ import annotations

from sqlalchemy import JSON, Column, DateTime, Integer, MetaData, String, Table, Text

metadata = MetaData()

releases = Table(
    "releases",
    metadata,
    Column("index_name", String(200), primary_key=True),
    Column("tenant", String(100), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("published_at", DateTime(timezone=True), nullable=False),
    Column("sources", JSON, nullable=False),
    Column("counts", JSON, nullable=False),
)

heads = Table(
    "release_heads",
    metadata,
    Column("index_name", String(200), primary_key=True),
    Column("tenant", String(100), primary_key=True),
    Column("current", Integer, nullable=False),
    Column("newest", Integer, nullable=False),
)

# What the newest release holds of each file.
pages = Table(
    "release_pages",
    metadata,
    Column("index_name", String(200), primary_key=True),
    Column("tenant", String(100), primary_key=True),
    Column("source", String(400), primary_key=True),
    Column("file", String(1000), primary_key=True),
    Column("fingerprint", String(64), nullable=False),
    Column("pages", JSON, nullable=False),
)

runs = Table(
    "ingestion_runs",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("index_name", String(200), nullable=False),
    Column("tenant", String(100), nullable=False),
    Column("sources", JSON, nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False),
    Column("finished_at", DateTime(timezone=True)),
    Column("outcome", String(20), nullable=False),
    Column("release", Integer),
    Column("note", Text, nullable=False),
)

leases = Table(
    "writer_leases",
    metadata,
    Column("index_name", String(200), primary_key=True),
    Column("holder", String(200), nullable=False),
    Column("renewed_at", DateTime(timezone=True), nullable=False),
)
