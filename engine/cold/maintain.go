package cold

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/apache/iceberg-go/table"
)

// Dropped says what an expiry took out of the table. The files themselves go with Expire, after the grace.
type Dropped struct {
	Days  int // pairs of tenant and day
	Files int // of data
	Rows  int64
	Bytes int64
}

// DropDays drops the whole UTC days that end at or before the given time, of one tenant or ("") of all.
func (t *Table) DropDays(ctx context.Context, tenant string, before time.Time) (Dropped, error) {
	return t.drop(ctx, func(s *state) func(string, int32) bool {
		return func(of string, day int32) bool {
			return (tenant == "" || of == tenant) && !dayStart(day+1).After(before)
		}
	})
}

// DropOldestUntil drops whole days of all tenants, the oldest first, until the current snapshot's files have at most maxBytes. The newest day stays.
func (t *Table) DropOldestUntil(ctx context.Context, maxBytes int64) (Dropped, error) {
	return t.drop(ctx, func(s *state) func(string, int32) bool {
		perDay := map[int32]int64{}
		for _, f := range s.files {
			perDay[f.day] += f.bytes
		}
		for _, f := range s.deletes {
			perDay[f.day] += f.bytes
		}
		limit, some := planOldest(perDay, maxBytes)
		return func(_ string, day int32) bool { return some && day <= limit }
	})
}

// planOldest gives the last day to drop, so that the later days have at most maxBytes; false when none has to go.
func planOldest(perDay map[int32]int64, maxBytes int64) (last int32, some bool) {
	var total int64
	for _, n := range perDay {
		total += n
	}
	days := slices.SortedFunc(maps.Keys(perDay), cmp.Compare)
	for i := 0; i < len(days)-1 && total > maxBytes; i++ {
		last, some = days[i], true
		total -= perDay[days[i]]
	}
	return last, some
}

// drop takes the partitions out of the table that choose wants.
func (t *Table) drop(ctx context.Context, choose func(*state) func(tenant string, day int32) bool) (Dropped, error) {
	var out Dropped
	if _, err := t.refresh(ctx); err != nil {
		return out, err
	}
	_, err := t.commit(ctx, noOwner, StepDropCommit, func(_ context.Context, s *state) (*edit, error) {
		type partition struct {
			tenant string
			day    int32
		}
		out = Dropped{}
		wanted, days, keys := choose(s), map[partition]bool{}, map[string]bool{}
		for _, f := range s.files {
			if wanted(f.tenant, f.day) {
				keys[f.key], days[partition{f.tenant, f.day}] = true, true
				out.Files++
				out.Rows += f.rows - int64(len(s.deleted[f.key]))
				out.Bytes += f.bytes
			}
		}
		for _, f := range s.deletes {
			if wanted(f.tenant, f.day) {
				keys[f.key] = true
				out.Bytes += f.bytes
			}
		}
		out.Days = len(days)
		if len(keys) == 0 {
			return nil, nil
		}
		return &edit{operation: table.OpDelete, drop: keys}, nil
	})
	if err != nil {
		return Dropped{}, err
	}
	return out, nil
}
