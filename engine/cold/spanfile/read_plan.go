package spanfile

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"
)

// extent is a piece of the file.
type extent struct{ from, to int64 }

// plan joins the pieces that are wanted into the reads to make. A read costs as much as reading gap bytes, so pieces that are closer than that are
// joined; and as long as there are more than limit reads, the two with the least between them are.
func plan(pieces []extent, gap int64, limit int) []extent {
	if !slices.IsSortedFunc(pieces, byOffset) {
		slices.SortFunc(pieces, byOffset)
	}
	reads := make([]extent, 0, min(len(pieces), 16))
	for _, p := range pieces {
		if n := len(reads); n > 0 && p.from-reads[n-1].to <= gap {
			reads[n-1].to = max(reads[n-1].to, p.to)
			continue
		}
		reads = append(reads, p)
	}
	for len(reads) > limit {
		best := 1
		for i := 2; i < len(reads); i++ {
			if reads[i].from-reads[i-1].to < reads[best].from-reads[best-1].to {
				best = i
			}
		}
		reads[best-1].to = reads[best].to
		reads = slices.Delete(reads, best, best+1)
	}
	return reads
}

func byOffset(a, b extent) int { return cmp.Compare(a.from, b.from) }

// fetched is what was read for some pieces.
type fetched struct {
	reads []extent
	bytes [][]byte
}

// at is a piece that was asked for.
func (t *fetched) at(from, n int64) []byte {
	i, ok := slices.BinarySearchFunc(t.reads, from, func(e extent, from int64) int {
		switch {
		case e.to <= from:
			return -1
		case e.from > from:
			return 1
		}
		return 0
	})
	if !ok || t.reads[i].to-from < n {
		return nil
	}
	from -= t.reads[i].from
	return t.bytes[i][from : from+n]
}

// manyReads is the number of reads up to which they are made at the same time: with more of them, each is cheap.
const manyReads = 8

// fetch makes the reads.
func (f *File) fetch(ctx context.Context, reads []extent) (*fetched, error) {
	t := &fetched{reads: reads, bytes: make([][]byte, len(reads))}
	one := func(ctx context.Context, i int) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		e := t.reads[i]
		b, err := f.r.ReadRange(ctx, e.from, e.to-e.from)
		if err != nil {
			return err
		}
		if int64(len(b)) != e.to-e.from {
			return f.damage("", errors.New("a read gave fewer bytes than the file should have"))
		}
		t.bytes[i] = b
		return nil
	}
	if len(t.reads) == 1 || len(t.reads) > manyReads {
		for i := range t.reads {
			if err := one(ctx, i); err != nil {
				return nil, err
			}
		}
		return t, nil
	}
	work, ctx := errgroup.WithContext(ctx)
	for i := range t.reads {
		work.Go(func() error { return one(ctx, i) })
	}
	return t, work.Wait()
}
