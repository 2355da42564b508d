package query

import (
	"context"
	"fmt"

	"github.com/taeldb/tael"
)

const (
	// maxVersions bounds the identities whose newest version a query remembers, and versionShare the part of its memory that they take, in percent; beyond
	// it, traces are asked again.
	maxVersions  = 200_000
	versionShare = 40
	// versionBytes is what one of them holds.
	versionBytes = 96
)

// versions knows the newest stored version of spans, over all sources of the view whatever the filter.
type versions struct {
	*run
	most   int // identities to remember
	newest map[tael.Identity]tael.Version
	asked  map[tael.TraceID]struct{} // whose every span is in newest
}

func newVersions(r *run) *versions {
	v := &versions{run: r, most: maxVersions, newest: map[tael.Identity]tael.Version{}, asked: map[tael.TraceID]struct{}{}}
	if memory := r.meter.budget.Memory; memory > 0 {
		v.most = int(min(maxVersions, memory/100*versionShare/versionBytes))
	}
	return v
}

// learn asks for the candidates' traces, all in one call a source, but for those that it knows.
func (v *versions) learn(ctx context.Context, cs []candidate) error {
	var ids []tael.TraceID
	asking := map[tael.TraceID]struct{}{}
	wanted := map[tael.Identity]struct{}{}
	for i := range cs {
		id := cs[i].id.TraceID
		if _, ok := v.asked[id]; ok {
			continue
		}
		wanted[cs[i].id] = struct{}{}
		if _, ok := asking[id]; !ok {
			asking[id] = struct{}{}
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	before, complete := len(v.newest), true
	for _, src := range v.view.Sources {
		if v.missing.isAway(src.Name) {
			continue
		}
		err := src.Source.Versions(ctx, v.tenant, ids, v.meter, func(id tael.Identity, version tael.Version) {
			known, ok := v.newest[id]
			if !ok && len(v.newest) >= v.most {
				if _, ok = wanted[id]; !ok {
					complete = false
					return
				}
			}
			if !ok || version.Compare(known) > 0 {
				v.newest[id] = version
			}
		})
		if err = v.missing.note(src.Name, err); err != nil {
			return fmt.Errorf("read versions of %d traces from %s: %w", len(ids), src.Name, err)
		}
	}
	if complete {
		for _, id := range ids {
			v.asked[id] = struct{}{}
		}
	}
	return v.meter.Hold(int64(len(v.newest)-before) * versionBytes)
}

// superseded reports whether a newer version of the candidate, whose trace is learnt, is stored.
func (v *versions) superseded(c *candidate) bool {
	newest, ok := v.newest[c.id]
	return ok && newest.Compare(c.version) > 0
}
