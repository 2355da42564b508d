// Package cold is the last step of a span's path: one Apache Iceberg table, tael.spans, of Parquet files that package spanfile
// writes and reads, on a folder or a bucket that package objstore speaks to. The compactor flushes sealed hot segments into it
// through a Tx; queries read it through a View, which implements query.Source.
//
// The table needs no server. Its metadata files are v1.metadata.json, v2.metadata.json and so on, each created only if it is absent:
// who creates v(N+1) has committed on top of v(N). So the current snapshot is the only truth about which files exist, two taelds
// on one location are safe, and any Iceberg reader can open the table. docs/formats/cold.md has the layout, docs/adr/005-catalog.md the reasons.
//
// A Table keeps the current snapshot's file list and position deletes in memory, so that no query lists a bucket.
package cold
