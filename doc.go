// Package tael is the vocabulary of the trace store: ids, values, spans, queries and answers, and the Store that
// answers them. It imports only the standard library, so that every other package, and every client, can import it.
//
// The path of a span is: ingest (the doors in) -> fragment (the spans of one trace in one request, as bytes) ->
// engine/hot (durable, recent) -> engine/compactor -> engine/cold (Parquet in an Iceberg table), and back out through
// engine/query and api.
package tael
