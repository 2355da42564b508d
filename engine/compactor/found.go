package compactor

import (
	"context"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// found collects what the table has of the traces of one tenant in a segment.
type found struct {
	*flush
	tenant   string
	versions map[tael.Identity]Found
	wanted   map[tael.Identity]struct{} // the segment's spans; nil while there are few versions
	err      error                      // of reading the segment
}

// manyVersions is when only versions of spans that are in the segment are kept: a trace in the table may have any number of others, and the memory of a
// flush must not depend on it.
const manyVersions = 100_000

func (s *found) add(ctx context.Context, v Found) {
	if s.wanted != nil {
		if _, ok := s.wanted[v.Identity]; !ok {
			return
		}
	}
	was, twice := s.versions[v.Identity]
	if twice && was.Version.Compare(v.Version) >= 0 {
		v, was = was, v
	}
	if s.versions[v.Identity] = v; twice {
		s.tx.Delete(was) // both came in while one of them could not be read
	}
	if s.wanted == nil && len(s.versions) >= manyVersions {
		s.narrow(ctx)
	}
}

// narrow lists the segment's spans and forgets what is not of them.
func (s *found) narrow(ctx context.Context) {
	s.wanted = map[tael.Identity]struct{}{}
	s.err = s.seg.Traces(ctx, func(of string, t Trace) error {
		if of != s.tenant {
			return nil
		}
		return t.Keys(func(r *fragment.Row) error {
			s.wanted[r.Identity()] = struct{}{}
			return nil
		})
	})
	// A map never gives memory back, so that what is kept goes to a new one.
	kept := map[tael.Identity]Found{}
	for id, v := range s.versions {
		if _, ok := s.wanted[id]; ok {
			kept[id] = v
		}
	}
	s.versions = kept
}
