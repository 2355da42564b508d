package cold

import (
	"context"

	"github.com/apache/iceberg-go"
	"golang.org/x/sync/errgroup"
)

// writeManifests writes the manifests of the edit and the manifest list, and names all that was written.
func (a *attempt) writeManifests(ctx context.Context, base *state, e *edit, try int) (list string, written []string, err error) {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(a.opts.Parallel)
	var slots []*writtenManifest // in the order of the list, new manifests first
	write := func(run func(ctx context.Context, name string) (writtenManifest, error)) {
		name := manifestName(a.owner, a.id, try<<16|len(slots))
		slot := new(writtenManifest)
		slots = append(slots, slot)
		g.Go(func() (err error) {
			*slot, err = run(gctx, name)
			return err
		})
	}
	if len(e.data) > 0 {
		write(func(ctx context.Context, name string) (writtenManifest, error) {
			return a.addedManifest(ctx, base, name, iceberg.ManifestContentData, a.snapshot, e.data)
		})
	}
	if len(e.deletes) > 0 {
		write(func(ctx context.Context, name string) (writtenManifest, error) {
			return a.addedManifest(ctx, base, name, iceberg.ManifestContentDeletes, a.snapshot, e.deletes)
		})
	}
	kept, groups := arrange(base.manifests, e.drop)
	for _, group := range groups {
		write(func(ctx context.Context, name string) (writtenManifest, error) {
			return a.rewriteManifests(ctx, base, name, a.snapshot, group, e.drop)
		})
	}
	err = g.Wait()
	files := make([]iceberg.ManifestFile, 0, len(slots)+len(kept))
	for _, s := range slots {
		files = append(files, s.file)
		if s.key != "" {
			written = append(written, s.key)
		}
	}
	if err != nil {
		return "", written, err
	}
	for _, m := range kept {
		files = append(files, m.file)
	}
	var parent *int64
	if base.snapshot != nil {
		parent = &base.snapshot.SnapshotID
	}
	list, err = a.writeManifestList(ctx, manifestListName(a.owner, a.id, try), a.snapshot, parent, base.head.meta.LastSequenceNumber()+1, files)
	if list != "" {
		written = append(written, list)
	}
	return list, written, err
}

// arrange says which manifests stay and which are rewritten, each group into one: those that list a file to drop, one by one, and of
// the others those that planMerge asks for. Manifests without live files go; one that cannot be read stays.
func arrange(manifests []*manifest, drop map[string]bool) (kept []*manifest, groups [][]*manifest) {
	var sizes []manifestSize
	var rest []*manifest
	for _, m := range manifests {
		switch {
		case m.damage != nil:
			kept = append(kept, m) // it may be restored
		case m.entries() == 0:
		case m.lists(drop):
			groups = append(groups, []*manifest{m})
		default:
			rest = append(rest, m)
			sizes = append(sizes, manifestSize{m.file.ManifestContent(), m.entries()})
		}
	}
	merged := map[int]bool{}
	for _, indexes := range planMerge(sizes) {
		var group []*manifest
		for _, i := range indexes {
			group, merged[i] = append(group, rest[i]), true
		}
		groups = append(groups, group)
	}
	for i, m := range rest {
		if !merged[i] {
			kept = append(kept, m)
		}
	}
	return kept, groups
}

func (m *manifest) lists(drop map[string]bool) bool {
	if len(drop) == 0 {
		return false
	}
	for _, f := range m.data {
		if drop[f.key] {
			return true
		}
	}
	for _, f := range m.deletes {
		if drop[f.key] {
			return true
		}
	}
	return false
}

// discard removes files of a try that did not become part of the table. What stays behind is an orphan.
func (a *attempt) discard(ctx context.Context, keys []string) {
	ctx, cancel := a.settling(ctx)
	defer cancel()
	for _, key := range keys {
		if err := a.store.Delete(ctx, key); err != nil {
			a.opts.Logger.WarnContext(ctx, "a file of a lost commit stays until orphans are removed", "key", key, "error", err)
		}
	}
}
