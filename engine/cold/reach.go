package cold

import (
	"context"
	"errors"
	"fmt"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"

	"github.com/taeldb/tael"
)

// reach is what some snapshots consist of, by key.
type reach struct {
	lists, manifests, files map[string]bool
}

func (r *reach) has(key string) bool { return r.lists[key] || r.manifests[key] || r.files[key] }

// reach reads what snapshots consist of, with the help of s, which knows the current one. Where lenient, damage is logged and
// leaves things out.
func (t *Table) reach(ctx context.Context, s *state, snapshots []table.Snapshot, lenient bool) (*reach, error) {
	r := &reach{lists: map[string]bool{}, manifests: map[string]bool{}, files: map[string]bool{}}
	known := map[string]*manifest{}
	for _, m := range s.manifests {
		known[m.key] = m
	}
	pass := func(err error) error {
		if err != nil && lenient && errors.Is(err, tael.ErrDamaged) {
			t.opts.Logger.WarnContext(ctx, "a superseded snapshot cannot be read; its files stay until orphans are removed", "error", err)
			return nil
		}
		return err
	}
	for i := range snapshots {
		listed, err := t.readManifestList(ctx, &snapshots[i])
		if err != nil {
			if err := pass(err); err != nil {
				return nil, err
			}
			continue
		}
		key, err := reroot(snapshots[i].ManifestList)
		if err != nil {
			return nil, damaged("snapshot", fmt.Sprint(snapshots[i].SnapshotID), err)
		}
		r.lists[key] = true
		for _, file := range listed {
			if err := pass(t.reachManifest(ctx, r, known, file)); err != nil {
				return nil, err
			}
		}
	}
	return r, nil
}

func (t *Table) reachManifest(ctx context.Context, r *reach, known map[string]*manifest, file iceberg.ManifestFile) error {
	key, err := reroot(file.FilePath())
	if err != nil {
		return damaged("manifest", file.FilePath(), err)
	}
	if r.manifests[key] {
		return nil
	}
	r.manifests[key] = true
	m := known[key]
	if m == nil {
		if m, err = t.readManifest(ctx, key, file); err != nil {
			return err
		}
	}
	for _, f := range m.data {
		r.files[f.key] = true
	}
	for _, f := range m.deletes {
		r.files[f.key] = true
	}
	return nil
}
