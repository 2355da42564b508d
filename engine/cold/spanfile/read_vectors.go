package spanfile

import (
	"context"
	"errors"
	"fmt"
	"sort"

	"github.com/parquet-go/parquet-go/format"

	"github.com/taeldb/tael/engine/query"
)

// vectors reads the leaves in the rows of sel, which is in order, of row group i. The answer has the leaves' order.
func (f *File) vectors(ctx context.Context, i int, leaves []int, sel []rowRange, m *query.Meter) ([]vector, error) {
	g := &f.groups[i]
	out := make([]vector, len(leaves))
	rows := 0
	for _, r := range sel {
		rows += r.len()
	}
	pieces := make([]extent, 0, 2*len(leaves))
	dicts := make([]*values, len(leaves))
	for k, leaf := range leaves {
		out[k].shape = f.shared.layout.shapes[leaf]
		c := &g.chunks[leaf]
		read := false
		for p := range c.pages {
			if !c.skips(p, out[k].shape) && overlaps(sel, c.rows(p, int(g.Rows))) {
				at := g.base + int64(c.pages[p].offset)
				pieces = append(pieces, extent{at, at + int64(c.pages[p].size)})
				read = true
			}
		}
		if !read {
			out[k].absent, out[k].rows = true, rows
			if out[k].maxDef == 0 && rows > 0 {
				return nil, f.damage(f.place(i, leaf), errors.New("a column that must have values has none"))
			}
			continue
		}
		if c.dictSize > 0 {
			if d, ok := f.shared.get(f.dictKey(g, c)).(*values); ok {
				dicts[k] = d
			} else {
				at := g.base + int64(c.dict)
				pieces = append(pieces, extent{at, at + int64(c.dictSize)})
			}
		}
	}
	if len(pieces) == 0 {
		return out, nil
	}
	t, err := f.fetch(ctx, pieces, m)
	if err != nil {
		return nil, err
	}
	p := f.shared.reader()
	defer f.shared.release(p)
	for k, leaf := range leaves {
		if out[k].absent {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := f.fill(&out[k], g, leaf, sel, t, p, dicts[k]); err != nil {
			return nil, f.damage(f.place(i, leaf), err)
		}
		if out[k].rows != rows {
			return nil, f.damage(f.place(i, leaf), fmt.Errorf("%d rows were read, want %d", out[k].rows, rows))
		}
	}
	return out, nil
}

func (f *File) dictKey(g *group, c *chunk) cacheKey { return cacheKey{f.id, g.base + int64(c.dict)} }

// fill decodes one leaf.
func (f *File) fill(v *vector, g *group, leaf int, sel []rowRange, t *fetched, p *pageReader, d *values) error {
	c := &g.chunks[leaf]
	dict := func() (*values, error) {
		if d != nil {
			return d, nil
		}
		if c.dictSize == 0 {
			return nil, errors.New("page: it needs a dictionary and the column has none")
		}
		var err error
		if d, err = p.dictionary(v.shape, c.codec, t.at(g.base+int64(c.dict), int64(c.dictSize))); err != nil {
			return nil, err
		}
		f.shared.put(f.dictKey(g, c), d, d.size())
		return d, nil
	}
	var local []rowRange
	for i := range c.pages {
		r := c.rows(i, int(g.Rows))
		local = cut(local[:0], sel, r)
		if len(local) == 0 {
			continue
		}
		if c.skips(i, v.shape) {
			n := 0
			for _, l := range local {
				n += l.len()
			}
			v.nulls(n)
			continue
		}
		page := &c.pages[i]
		if err := p.data(v, c.codec, t.at(g.base+int64(page.offset), int64(page.size)), r.len(), local, dict); err != nil {
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
	if h.kind != format.DictionaryPage || h.encoding != format.Plain && h.encoding != format.PlainDictionary {
		return nil, errors.New("page: not a dictionary")
	}
	if body, err = p.unpack(&p.dict, codec, body, h.unpacked); err != nil {
		return nil, err
	}
	return readDictionary(s, body, h.values)
}
