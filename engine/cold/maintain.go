package cold

import (
	"context"
	"time"
)

// Dropped says what an expiry took out of the table. The files themselves go with Expire, after the grace.
type Dropped struct {
	Days  int // pairs of tenant and day
	Files int
	Rows  int64
	Bytes int64
}

// Removed says which objects were deleted.
type Removed struct {
	Files int
	Bytes int64
}

// DropDays drops the whole UTC days that end at or before the given time, of one tenant or ("") of all.
func (t *Table) DropDays(ctx context.Context, tenant string, before time.Time) (Dropped, error) {
	return Dropped{}, errSkeleton
}

// DropOldestUntil drops whole days, the oldest first, until the current snapshot has at most maxBytes. The newest day of all stays.
func (t *Table) DropOldestUntil(ctx context.Context, maxBytes int64) (Dropped, error) {
	return Dropped{}, errSkeleton
}

// Expire takes snapshots that were superseded more than Options.SnapshotGrace ago out of the table, and deletes the files that only those had.
func (t *Table) Expire(ctx context.Context) (Removed, error) { return Removed{}, errSkeleton }

// Orphans deletes the files that the data directory's taeld wrote, that are in no snapshot and that are older than grace, which is raised to
// Options.OrphanGrace.
func (t *Table) Orphans(ctx context.Context, dataDir string, grace time.Duration) (Removed, error) {
	return Removed{}, errSkeleton
}
