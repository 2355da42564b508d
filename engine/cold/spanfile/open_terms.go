package spanfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
)

// Term filters are the largest part of the sections, so they stay in the shared cache and not in the File: one entry a file, as their
// checksum is that of the whole block.

func (f *File) termsKey() cacheKey { return cacheKey{f.id, f.block.Offset} }

// keepTerms puts the filters into the cache and returns them, by row group.
func (f *File) keepTerms(s *sections) [][]byte {
	size := int64(0)
	terms := make([][]byte, len(s.Groups))
	for i := range s.Groups {
		terms[i] = bytes.Clone(s.Groups[i].Terms)
		size += int64(len(terms[i])) + 24
	}
	f.shared.put(f.termsKey(), terms, size)
	return terms
}

// terms gives the term filters by row group, from the cache or the file.
func (f *File) terms(ctx context.Context, m *query.Meter) ([][]byte, error) {
	if terms, ok := f.shared.get(f.termsKey()).([][]byte); ok {
		return terms, nil
	}
	if err := m.Read(tael.Explain{Bytes: f.block.Length}); err != nil {
		return nil, err
	}
	b, err := f.r.ReadRange(ctx, f.block.Offset, f.block.Length)
	if err != nil {
		return nil, fmt.Errorf("span file %s: reading its filters: %w", f.opts.Name, err)
	}
	s, err := parseSections(b)
	if err != nil {
		return nil, f.damage("", err)
	}
	if len(s.Groups) != len(f.groups) {
		return nil, f.damage("", errors.New("the filters have other row groups than the footer"))
	}
	return f.keepTerms(s), nil
}
