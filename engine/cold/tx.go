package cold

import (
	"context"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// Tx adds spans to the table and deletes superseded ones, in one snapshot. It is used by one goroutine, and ends with Commit or Abort.
type Tx struct{}

// Found is a stored version of a span and where it is.
type Found struct {
	Tenant   string
	Identity tael.Identity
	Version  tael.Version
	File     string // key of the data file
	Row      int64  // its number in the file
}

// Committed says what a commit did.
type Committed struct {
	// Already is true when the segment was in the table before: an earlier commit whose reply was lost. This Tx's files were removed.
	Already  bool
	Snapshot int64 // id of the Iceberg snapshot
	Files    []CommittedFile
	Rows     int64 // added
	Deleted  int64 // superseded
	Rebased  int   // times that somebody else's commit came first
}

// CommittedFile is one data file of a commit.
type CommittedFile struct {
	Key    string
	Tenant string
	Rows   int64
	Bytes  int64
}

// Begin starts a Tx on the current snapshot, after looking for newer ones. dataDir and counter name the hot segment that is flushed; the commit
// makes counter the data directory's watermark. Counter 0 leaves the watermark as it is.
func (t *Table) Begin(ctx context.Context, dataDir string, counter uint64) (*Tx, error) {
	return nil, errSkeleton
}

// Versions calls yield with every stored version of every span of the traces, in no order. It costs next to nothing for traces that
// the table does not hold.
func (x *Tx) Versions(ctx context.Context, tenant string, ids []tael.TraceID, yield func(Found)) error {
	return errSkeleton
}

// Append adds a span, borrowed. Rows must come ordered by tenant, then by their trace's first start, then trace id, then start.
func (x *Tx) Append(ctx context.Context, tenant string, r *fragment.Row) error { return errSkeleton }

// Delete marks a stored version as superseded.
func (x *Tx) Delete(f Found) {}

// Commit makes everything visible at once, and durable, or nothing. ErrConflict asks the caller to begin again. After any error but ErrConflict the commit may
// have happened all the same (a lost reply): flushing the same segment again then gives Committed.Already. The Tx has ended either way.
func (x *Tx) Commit(ctx context.Context) (Committed, error) { return Committed{}, errSkeleton }

// Abort ends the Tx and removes its files. It does nothing after Commit.
func (x *Tx) Abort(ctx context.Context) {}
