// Package hot is the first durable place of a span: ingest hands it cut fragments, it answers when they are on disk, and it serves
// them until the compactor has moved them to engine/cold.
//
// The store is a list of segments. A segment is a Badger directory of its own, written once and removed whole: one is active and
// takes appends, the others are sealed and wait for their flush. Within a commit the fragments of one trace become one entry, packed
// once; many requests share one sync. The headers of all entries are kept in memory, so that a search reads only what can match.
//
// The order of the files follows a span: append.go (the door and its queue), gather.go (requests become a group of packed entries),
// commit.go and segment_writer.go (a group becomes durable), index.go (and findable), seal.go, then scan.go and trace.go (queries), traces.go (the flush),
// retire.go (the end), and recover.go (the next start). All names and keys on disk are in keys.go and layout.go.
package hot
