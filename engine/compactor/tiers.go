// Package compactor moves spans from the hot tier to the cold one and keeps both small: flush -> retire -> expire. Plan
// decides what to do and is pure; the Compactor does it, one job at a time. The order of a flush is
//
//	sealed segment -> write Parquet -> commit snapshot (files, watermark) -> swap the view -> remove the segment
//
// and each step can be repeated: a segment at or below the table's watermark is dead, any other is flushed (again).
package compactor

import (
	"context"
	"time"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// Hot is the tier that the compactor empties. It seals segments by size and age itself, because its memory depends on it. Methods are safe for
// concurrent use.
type Hot interface {
	// Seal makes the active segment a sealed one and starts the next. Without spans in it, it does nothing.
	Seal(ctx context.Context) error
	// Sealed lists the sealed segments by counter.
	Sealed() []Segment
}

// Segment is one sealed segment: immutable.
type Segment interface {
	Counter() uint64
	Spans() int64
	Bytes() int64
	// Traces calls yield for each trace in the order (tenant, first start in this segment, trace id). What yield is given is
	// good until it returns.
	Traces(ctx context.Context, yield func(tenant string, t Trace) error) error
}

// Trace is the spans of one trace in one segment.
type Trace interface {
	ID() tael.TraceID
	Spans() int
	// Rows calls yield for each stored span in order of arrival, with its sequence. It can be called more than once and yields the same rows then.
	Rows(yield func(*fragment.Row) error) error
	// Keys is Rows with rows of which only identity, version and start are filled in, and costs a third of it.
	Keys(yield func(*fragment.Row) error) error
}

// Cold is the tier that the compactor fills. Methods are safe for concurrent use.
type Cold interface {
	// Watermark is the counter of the newest segment of this data directory whose spans are all in the table, 0 for none.
	Watermark() uint64
	// Begin starts a transaction that flushes the segment with this counter.
	Begin(ctx context.Context, counter uint64) (Tx, error)
	Maintainer
}

// Maintainer keeps the table small. See cold.Table.
type Maintainer interface {
	DropDays(ctx context.Context, before time.Time) (Dropped, error)
	DropOldestUntil(ctx context.Context, maxBytes int64) (Dropped, error)
	// Sweep takes old snapshots out of the table and deletes files that no snapshot has, both after their grace.
	Sweep(ctx context.Context) (Removed, error)
}

// Dropped counts what an expiry took out of the table.
type Dropped struct {
	Days, Files int
	Rows, Bytes int64
}

// Removed counts deleted objects.
type Removed struct {
	Files int
	Bytes int64
}

// Found is a stored version of a span in the table, and what Tx.Delete needs to find it again.
type Found struct {
	Identity tael.Identity
	Version  tael.Version
	Place    any
}

// Tx adds the spans of one segment to the table, in one commit. It is used by one goroutine and ends with Commit or Abort.
type Tx interface {
	// Versions calls yield with every version that the table has of spans of the traces.
	Versions(ctx context.Context, tenant string, ids []tael.TraceID, yield func(Found)) error
	// Append adds a row, borrowed: in the order of Segment.Traces those of each trace's first UTC day, then again in that order those of each later day.
	Append(ctx context.Context, tenant string, r *fragment.Row) error
	// Delete marks a stored version as superseded.
	Delete(Found)
	// Commit makes everything durable and visible in the table at once. ErrConflict asks to begin again.
	Commit(ctx context.Context) (Committed, error)
	// Abort removes what was written, also when the context has ended. It does nothing after Commit.
	Abort(ctx context.Context)
}

// Committed says what a commit did.
type Committed struct {
	Files         int
	Rows, Deleted int64
	Bytes         int64
	Already       bool // the segment was in the table before
}
