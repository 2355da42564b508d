package query

import (
	"bytes"
	"cmp"
	"math"
	"sort"

	"github.com/taeldb/tael"
)

// key is a row's place in a list. Lists go from large to small by (first, start), and ties from small to large by identity.
type key struct {
	first uint64 // the sort key: start for SortTime, duration for SortDuration
	start uint64
	id    tael.Identity
}

// compare is negative when k comes before o in the list.
func (k key) compare(o key) int {
	if k.first != o.first {
		return cmp.Compare(o.first, k.first)
	}
	if k.start != o.start {
		return cmp.Compare(o.start, k.start)
	}
	return compareIdentity(k.id, o.id)
}

// before reports whether k comes before o in the list.
func (k key) before(o key) bool { return k.compare(o) < 0 }

// keyOf is the place of a span.
func keyOf(by tael.Sort, s *tael.Span) key {
	k := key{first: s.Start, start: s.Start, id: s.Identity()}
	if by == tael.SortDuration {
		k.first = s.Duration()
	}
	return k
}

// startOf is the place before every row whose sort key is at most first, and after every other.
func startOf(first uint64) key {
	return key{first: first, start: math.MaxUint64, id: tael.Identity{Kind: math.MinInt32}}
}

func compareIdentity(a, b tael.Identity) int {
	if a.TraceID != b.TraceID {
		return bytes.Compare(a.TraceID[:], b.TraceID[:])
	}
	if a.SpanID != b.SpanID {
		return bytes.Compare(a.SpanID[:], b.SpanID[:])
	}
	return cmp.Compare(a.Kind, b.Kind)
}

// sortSpans sorts by a comparison. It compares and swaps in place: a span is large, and slices.SortFunc would copy two of them a comparison.
func sortSpans(spans []tael.Span, compare func(a, b *tael.Span) int) {
	sort.Slice(spans, func(i, j int) bool { return compare(&spans[i], &spans[j]) < 0 })
}

// listOrder is the order of a list.
func listOrder(by tael.Sort) func(a, b *tael.Span) int {
	return func(a, b *tael.Span) int { return keyOf(by, a).compare(keyOf(by, b)) }
}
