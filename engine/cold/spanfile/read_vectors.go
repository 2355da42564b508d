package spanfile

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync/atomic"

	"github.com/parquet-go/parquet-go/format"
	"golang.org/x/sync/errgroup"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
)

// groupReader reads columns of one row group. load fetches, vector decodes, so that one fetch can serve several steps of which each decides what the
// next must decode. It is used by one goroutine; close gives its buffers back.
type groupReader struct {
	f     *File
	i     int
	g     *group
	m     *query.Meter
	pages *pageReader
	got   []*fetched
	dicts []*values // by leaf
	held  int64     // bytes charged to m
}

func (f *File) group(i int, m *query.Meter) *groupReader {
	return &groupReader{f: f, i: i, g: &f.groups[i], m: m, pages: f.shared.reader(), dicts: make([]*values, len(f.shared.layout.leaves))}
}

func (r *groupReader) close() {
	if r.pages != nil {
		r.f.shared.release(r.pages)
		r.pages = nil
	}
	_ = r.m.Hold(-r.held) // giving back cannot fail
	r.held = 0
}

// hold charges memory until close.
func (r *groupReader) hold(n int64) error {
	r.held += n
	return r.m.Hold(n)
}

// vectors reads the leaves in the rows of sel, which is in order, of row group i. The answer has the leaves' order.
func (f *File) vectors(ctx context.Context, i int, leaves []int, sel []rowRange, m *query.Meter) ([]vector, error) {
	r := f.group(i, m)
	defer r.close()
	if err := r.load(ctx, leaves, sel); err != nil {
		return nil, err
	}
	out := make([]vector, len(leaves))
	if err := r.decode(ctx, out, leaves, sel); err != nil {
		return nil, err
	}
	return out, nil
}

// Two goroutines decode the columns of a look-up, because it is the time on the wall that somebody waits for. Few columns are not worth it.
const (
	decoders      = 2
	leavesToShare = 16
)

// decode decodes leaves that were loaded. The long text columns, which are the last, are begun first.
func (r *groupReader) decode(ctx context.Context, out []vector, leaves []int, sel []rowRange) error {
	var next atomic.Int64
	work := func(r *groupReader) error {
		for {
			k := len(leaves) - int(next.Add(1))
			if k < 0 {
				return nil
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := r.vector(&out[k], leaves[k], sel); err != nil {
				return err
			}
		}
	}
	if len(leaves) < leavesToShare {
		return work(r)
	}
	var g errgroup.Group
	others := make([]groupReader, decoders-1)
	for i := range others {
		// A leaf is decoded by one of them, so what they share of it is not used at the same time.
		others[i] = groupReader{f: r.f, i: r.i, g: r.g, m: r.m, pages: r.f.shared.reader(), got: r.got, dicts: r.dicts}
		g.Go(func() error { return work(&others[i]) })
	}
	err := work(r)
	if other := g.Wait(); err == nil {
		err = other
	}
	for i := range others {
		r.f.shared.release(others[i].pages)
		r.held += others[i].held
	}
	return err
}

// load fetches what vector needs for the leaves in the rows of sel.
func (r *groupReader) load(ctx context.Context, leaves []int, sel []rowRange) error {
	pieces := make([]extent, 0, 2*len(leaves))
	for _, leaf := range leaves {
		c := &r.g.chunks[leaf]
		wanted := false
		for p := range c.pages {
			if c.skips(p, r.f.shared.layout.shapes[leaf]) || !overlaps(sel, c.rows(p, int(r.g.Rows))) {
				continue
			}
			wanted = true
			pieces = r.want(pieces, c.pages[p].offset, c.pages[p].size)
		}
		if !wanted || c.dictSize == 0 || r.dicts[leaf] != nil {
			continue
		}
		if d, ok := r.f.shared.get(r.f.dictKey(r.g, c)).(*values); ok {
			r.dicts[leaf] = d
			continue
		}
		pieces = r.want(pieces, c.dict, c.dictSize)
	}
	if len(pieces) == 0 {
		return nil
	}
	reads := plan(pieces, r.f.opts.GapBytes, r.f.opts.MaxRequests)
	var total int64
	for _, e := range reads {
		total += e.to - e.from
	}
	if err := r.m.Read(tael.Explain{Bytes: total}); err != nil {
		return err
	}
	if err := r.hold(total); err != nil {
		return err
	}
	t, err := r.f.fetch(ctx, reads)
	if err != nil {
		return err
	}
	r.got = append(r.got, t)
	return nil
}

// want adds a piece of the group, unless it was fetched before.
func (r *groupReader) want(pieces []extent, offset, size uint32) []extent {
	at := r.g.base + int64(offset)
	for _, t := range r.got {
		if t.at(at, int64(size)) != nil {
			return pieces
		}
	}
	return append(pieces, extent{at, at + int64(size)})
}

func (r *groupReader) bytes(offset, size uint32) ([]byte, error) {
	for _, t := range r.got {
		if b := t.at(r.g.base+int64(offset), int64(size)); b != nil {
			return b, nil
		}
	}
	return nil, errors.New("page: it was not fetched")
}

func (f *File) dictKey(g *group, c *chunk) cacheKey { return cacheKey{f.id, g.base + int64(c.dict)} }

// dictionary gives the dictionary of a leaf, or nil if it has none.
func (r *groupReader) dictionary(leaf int) (*values, error) {
	c := &r.g.chunks[leaf]
	if r.dicts[leaf] != nil || c.dictSize == 0 {
		return r.dicts[leaf], nil
	}
	b, err := r.bytes(c.dict, c.dictSize)
	if err != nil {
		return nil, err
	}
	d, err := r.pages.dictionary(r.f.shared.layout.shapes[leaf], c.codec, b)
	if err != nil {
		return nil, err
	}
	r.dicts[leaf] = d
	r.f.shared.put(r.f.dictKey(r.g, c), d, d.size())
	return d, nil
}

// words gives the dictionary of a leaf when every value in the rows of sel, which load has fetched, is in it. So what is not in the dictionary is
// nowhere, and no page needs to be decoded to know that.
func (r *groupReader) words(leaf int, sel []rowRange) (*values, bool) {
	c := &r.g.chunks[leaf]
	for p := range c.pages {
		if c.skips(p, r.f.shared.layout.shapes[leaf]) || !overlaps(sel, c.rows(p, int(r.g.Rows))) {
			continue
		}
		b, err := r.bytes(c.pages[p].offset, c.pages[p].size)
		if err != nil {
			return nil, false
		}
		h, _, err := readPageHeader(b)
		if err != nil || h.encoding != format.RLEDictionary && h.encoding != oldPlainDictionary {
			return nil, false
		}
	}
	d, err := r.dictionary(leaf)
	return d, d != nil && err == nil // an error is met again when the pages are decoded
}

// vector decodes a leaf in the rows of sel, all of which load has fetched.
func (r *groupReader) vector(v *vector, leaf int, sel []rowRange) error {
	*v = vector{shape: r.f.shared.layout.shapes[leaf]}
	rows := 0
	for _, s := range sel {
		rows += s.len()
	}
	if err := r.fill(v, leaf, sel); err != nil {
		return r.f.damage(r.f.place(r.i, leaf), err)
	}
	if v.absent {
		v.rows = rows
	}
	if v.rows != rows {
		return r.f.damage(r.f.place(r.i, leaf), fmt.Errorf("%d rows were read, want %d", v.rows, rows))
	}
	return r.hold(v.values.size() + int64(cap(v.def)+cap(v.rep)+4*cap(v.index)))
}

func (r *groupReader) fill(v *vector, leaf int, sel []rowRange) error {
	c := &r.g.chunks[leaf]
	v.absent = true
	for p := range c.pages {
		if !c.skips(p, v.shape) && overlaps(sel, c.rows(p, int(r.g.Rows))) {
			v.absent = false
			break
		}
	}
	if v.absent {
		if v.maxDef == 0 && len(sel) > 0 {
			return errors.New("a column that must have values has none")
		}
		return nil
	}
	dict := func() (*values, error) {
		d, err := r.dictionary(leaf)
		if d == nil && err == nil {
			err = errors.New("page: it needs a dictionary and the column has none")
		}
		return d, err
	}
	var local []rowRange
	for p := range c.pages {
		rows := c.rows(p, int(r.g.Rows))
		local = cut(local[:0], sel, rows)
		if len(local) == 0 {
			continue
		}
		if c.skips(p, v.shape) {
			n := 0
			for _, l := range local {
				n += l.len()
			}
			v.nulls(n)
			continue
		}
		b, err := r.bytes(c.pages[p].offset, c.pages[p].size)
		if err != nil {
			return err
		}
		if err := r.pages.data(v, c.codec, b, rows.len(), local, dict); err != nil {
			return err
		}
	}
	return nil
}

// skips tells whether page p needs no reading: where lists are in lists, a page without values still has the levels of the outer ones.
func (c *chunk) skips(p int, s shape) bool { return c.pages[p].null && s.maxRep < 2 && s.maxDef > 0 }

// rows is the rows of the group that page p has.
func (c *chunk) rows(p, rows int) rowRange {
	r := rowRange{int(c.pages[p].first), rows}
	if p+1 < len(c.pages) {
		r.to = int(c.pages[p+1].first)
	}
	return r
}

// overlaps tells whether any row of sel is in r.
func overlaps(sel []rowRange, r rowRange) bool {
	i := sort.Search(len(sel), func(i int) bool { return sel[i].to > r.from })
	return i < len(sel) && sel[i].from < r.to
}

// cut appends the parts of sel that are in r, counted from r's first row.
func cut(dst, sel []rowRange, r rowRange) []rowRange {
	for i := sort.Search(len(sel), func(i int) bool { return sel[i].to > r.from }); i < len(sel) && sel[i].from < r.to; i++ {
		dst = append(dst, rowRange{max(sel[i].from, r.from) - r.from, min(sel[i].to, r.to) - r.from})
	}
	return dst
}

// dictionary reads the dictionary page at the start of b.
func (p *pageReader) dictionary(s shape, codec format.CompressionCodec, b []byte) (*values, error) {
	h, body, err := openPage(b)
	if err != nil {
		return nil, err
	}
	if h.kind != format.DictionaryPage || h.encoding != format.Plain && h.encoding != oldPlainDictionary {
		return nil, errors.New("page: not a dictionary")
	}
	if body, err = p.unpack(&p.dict, codec, body, h.unpacked); err != nil {
		return nil, err
	}
	return readDictionary(s, body, h.values)
}
