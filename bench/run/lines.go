package main

// line is one number that tael promises.
type line struct {
	id   string
	what string
	unit string // see human
	// reach is the target; least says that more is better.
	reach float64
	least bool
	// note says how it was measured, where the name does not.
	note string
	// peers are the same numbers of VictoriaTraces, Tempo and Jaeger with Badger on a like machine.
	peers string
	// bound says what keeps the number from being better, from profiles.
	bound string
}

// lines lists what is measured, in the order of the page. Every scenario fills some of them.
func lines() []line {
	return []line{
		{id: "kill.lost", what: "acknowledged traces of 200 that a SIGKILL right after the last acknowledgement loses", unit: "traces", reach: 0, peers: "39 / 98 / 8",
			note: "the last 200 traces to be acknowledged; a power cut is tested by `make test-disk`"},
		{id: "ingest.cpu", what: "server CPU per million spans, until the synced acknowledgement", unit: "s", reach: 6, peers: "55 / 44 / 369 s, none synced",
			note: "OTLP/HTTP protobuf, 512 spans a request, 4 connections, default options; flushing that begins meanwhile is in it", bound: "S2 and copies into memtable and mapped log more than a quarter each, cutting an eighth, syncs 3 %"},
		{id: "gzip.cpu", what: "the same with gzip, the Collector's default", unit: "s", reach: 10, bound: "inflating is some two fifths"},
		{id: "direct.cpu", what: "the same with one or two spans of a trace per request, as SDKs send", unit: "s", reach: 15, bound: "HTTP, commits of few spans, S2; headers of half a million entries fill their share of memory, so a flush begins meanwhile"},
		{id: "ingest.flushed_cpu", what: "the same as the first, including flush to committed Parquet", unit: "s", reach: 14, peers: "56 / 59 / 369 s", note: "the aim after that is 11 s", bound: "zstd, nearly two fifths of the flush; attribute columns and reading the hot tier a sixth each"},
		{id: "ingest.rate", what: "acknowledged spans a second over OTLP/HTTP, generator on the same cores: first million", unit: "spans/s", reach: 200_000, least: true, peers: "34 000 / 33 000 / 4 000", bound: "both cores are busy: the generator and ingest"},
		{id: "sustained.rate", what: "the same for ten minutes with flush keeping up", unit: "spans/s", reach: 100_000, least: true,
			note: "the flush of what is hot at the end is in the time; the load is made while it is sent", bound: "both cores are busy; a flush costs more than ingest; the machine's speed varies by a third"},
		{id: "ingest.cold_bytes", what: "bytes on disk per span, cold, everything counted", unit: "B", reach: 145, peers: "224 / 239 / 2 082", note: "allocated blocks of everything under the table's folder", bound: "94 B of it are prompts and completions"},
		{id: "ingest.written", what: "bytes written per byte received, hot and cold together", unit: "x", reach: 1.0, peers: "0.3 / 1.1 / 30", note: "write_bytes of /proc/pid/io against OTLP bytes", bound: "the log once (0.5), Parquet once (0.2)"},
		{id: "trace.hot", what: "trace by id among a million spans over REST, p50: hot", unit: "ms", reach: 1, peers: "16 to 20", note: "200 random traces, one at a time", bound: "the blocks of the commits that it came in, unpacked; then JSON and HTTP"},
		{id: "trace.hot_p99", what: "the same, p99", unit: "ms"},
		{id: "trace.cold", what: "trace by id, p50: cold on disk", unit: "ms", reach: 3, peers: "122 to 145 / 2.8", bound: "a page of each of some fifty columns, of which the text pages cost most"},
		{id: "trace.cold_p99", what: "the same, p99", unit: "ms"},
		{id: "trace.s3", what: "trace by id, p50: cold on MinIO, metadata cached", unit: "ms", reach: 10, bound: "two requests of together 3 MB"},
		{id: "trace.s3_p99", what: "the same, p99", unit: "ms"},
		{id: "trace.s3_requests", what: "S3 data requests for a cold trace look-up, metadata cached", unit: "requests", reach: 2, note: "mean of 200, counted by a proxy; the latency above is without the proxy", bound: "two for most traces, one for some; one that crosses a row group or a file takes more"},
		{id: "duration.hot", what: "service + minimum duration, newest 20 of a million spans, p50: hot", unit: "ms", reach: 25, peers: "67 / 44 / 96", bound: "headers and term filters of all entries, then the blocks of those that may match"},
		{id: "duration.cold", what: "the same, cold", unit: "ms", reach: 20, bound: "pages of the columns that are filtered by, then whole rows of the twenty"},
		{id: "common.hot", what: "service + one common attribute value, newest 20, p50: hot", unit: "ms", reach: 25, peers: "71 / 462 / 27", bound: "headers and term filters of all entries, then the blocks of those that may match"},
		{id: "common.cold", what: "the same, cold", unit: "ms", reach: 25, bound: "pages of the columns that are filtered by, then whole rows of the twenty"},
		{id: "promoted.hot", what: "a value of a promoted key that 2 traces of 57 000 have, p50: hot", unit: "ms", reach: 60, peers: "38 / 621 / 3.5", note: "`user.id`", bound: "headers and term filters of all entries, then the blocks of those that may match"},
		{id: "promoted.cold", what: "the same, cold", unit: "ms", reach: 20, bound: "pages of the columns that are filtered by, then whole rows of the twenty"},
		{id: "rare.hot", what: "such a value of a key without a column, p50: hot", unit: "ms", reach: 60, note: "`app.order.id`", bound: "headers and term filters of all entries, then the blocks of those that may match"},
		{id: "rare.cold", what: "the same, cold", unit: "ms", reach: 30, bound: "pages of the columns that are filtered by, then whole rows of the twenty"},
		{id: "memory.peak", what: "peak memory, five million spans ingested at full speed and flushed", unit: "B", reach: 1 << 30, peers: "0.6 / 6.6 / 4.9 GB at one million", note: "VmHWM, mapped files included", bound: "memtables of the hot tier, 1.3 times its share of the memory limit"},
		{id: "memory.rest", what: "anonymous memory at rest after that", unit: "B", reach: 200 << 20, note: "RssAnon 30 s later", bound: "the program, caches of the cold tier, mapped logs"},
		{id: "ready.time", what: "ready after SIGKILL with 1 GiB of hot data", unit: "s", reach: 5, peers: "0.2 / 0.2 / 1.8 s, having lost it", note: "from exec to the first 200 of /readyz", bound: "each log is read twice: for damage, and by Badger"},
		{id: "ready.hot", what: "hot data at that time", unit: "B", note: "as /api/v1/stats tells"},
		{id: "growth.cpu", what: "growth from 1 to 10 million spans: CPU per span, flush included", unit: "x", reach: 1.15, bound: "look-ups for duplicates in more files"},
		{id: "growth.lookup", what: "growth from 1 to 10 million spans: latency of a trace by id, p50", unit: "x", reach: 1.5, bound: "trace filters of more files"},
	}
}
