package cold

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"

	"github.com/taeldb/tael/engine/cold/objstore"
)

// Removed says which objects were deleted.
type Removed struct {
	Files int
	Bytes int64 // 0 where the size is not known
}

// Expire takes snapshots that were superseded more than Options.SnapshotGrace ago out of the table, and deletes the files that only those had: data
// files that were dropped, manifests that were merged. A crash in between leaves orphans.
func (t *Table) Expire(ctx context.Context) (Removed, error) {
	var doomed []string
	if _, err := t.refresh(ctx); err != nil {
		return Removed{}, err
	}
	_, err := t.commit(ctx, noOwner, StepExpireCommit, func(ctx context.Context, s *state) (*edit, error) {
		old, kept := superseded(s.head.meta, t.opts.Now().Add(-t.opts.SnapshotGrace))
		if len(old) == 0 {
			return nil, nil
		}
		need, err := t.reach(ctx, s, kept, false)
		if err != nil {
			return nil, err
		}
		gone, err := t.reach(ctx, s, old, true)
		if err != nil {
			return nil, err
		}
		doomed = nil
		// Data first, and lists last: what is left of a crash can still be understood.
		for _, keys := range []map[string]bool{gone.files, gone.manifests, gone.lists} {
			for _, key := range slices.Sorted(maps.Keys(keys)) {
				if !need.has(key) {
					doomed = append(doomed, key)
				}
			}
		}
		e := &edit{}
		for _, snapshot := range old {
			e.expire = append(e.expire, snapshot.SnapshotID)
		}
		return e, nil
	})
	if err != nil {
		return Removed{}, err
	}
	var out Removed
	for _, key := range doomed {
		if err := t.step(StepExpireDelete, func() error { return t.store.Delete(ctx, key) }); err != nil {
			return out, fmt.Errorf("cold: delete %s of a superseded snapshot: %w", key, err)
		}
		out.Files++
	}
	return out, nil
}

// superseded splits the snapshots into those that were superseded before the limit and the others. One that a branch or tag of
// somebody names stays.
func superseded(meta table.Metadata, limit time.Time) (old, kept []table.Snapshot) {
	named := map[int64]bool{}
	for _, ref := range meta.Refs() {
		named[ref.SnapshotID] = true
	}
	if current := meta.CurrentSnapshot(); current != nil {
		named[current.SnapshotID] = true
	}
	snapshots := meta.Snapshots()
	for i, s := range snapshots {
		if !named[s.SnapshotID] && i+1 < len(snapshots) && snapshots[i+1].TimestampMs < limit.UnixMilli() {
			old = append(old, s)
		} else {
			kept = append(kept, s)
		}
	}
	return old, kept
}

// Orphans deletes the files that the data directory's taeld wrote, that are in no snapshot and that are older than grace, which is at least
// Options.OrphanGrace: leftovers of crashes and lost commits. Metadata files that the trim missed, and what maintenance left behind, go too.
func (t *Table) Orphans(ctx context.Context, dataDir string, grace time.Duration) (Removed, error) {
	limit := t.opts.Now().Add(-max(grace, t.opts.OrphanGrace))
	var found []objstore.Info
	// The order matters: what is listed first and in no snapshot of a later look was in none, or was dropped from all.
	for _, prefix := range []string{dataKey, metadataKey} {
		for info, err := range t.store.List(ctx, prefix) {
			if err != nil {
				return Removed{}, fmt.Errorf("cold: look for orphans: %w", err)
			}
			if info.Modified.Before(limit) && (owned(info.Key, dataDir) || owned(info.Key, noOwner) || strings.HasSuffix(info.Key, versionSuffix)) {
				found = append(found, info)
			}
		}
	}
	if len(found) == 0 {
		return Removed{}, nil
	}
	s, err := t.refresh(ctx)
	if err != nil {
		return Removed{}, err
	}
	need, err := t.reach(ctx, s, s.head.meta.Snapshots(), false)
	if err != nil {
		return Removed{}, err
	}
	versions := map[string]bool{versionKey(s.head.version): true}
	for e := range s.head.meta.PreviousFiles() {
		versions[metadataKey+path.Base(e.MetadataFile)] = true
	}
	var out Removed
	for _, info := range found {
		n, isVersion := parseVersionKey(info.Key)
		if need.has(info.Key) || t.isWriting(info.Key) || isVersion && (versions[info.Key] || n > s.head.version) {
			continue
		}
		if err := t.step(StepOrphanDelete, func() error { return t.store.Delete(ctx, info.Key) }); err != nil {
			return out, fmt.Errorf("cold: delete orphan %s: %w", info.Key, err)
		}
		t.opts.Logger.InfoContext(ctx, "removed a file that is in no snapshot of the cold table", "key", info.Key, "bytes", info.Size)
		out.Files++
		out.Bytes += info.Size
	}
	return out, nil
}

func (t *Table) isWriting(key string) bool {
	t.writingMu.Lock()
	defer t.writingMu.Unlock()
	return t.writing[key]
}
