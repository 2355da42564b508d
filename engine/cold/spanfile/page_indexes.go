package spanfile

import (
	"slices"

	"github.com/parquet-go/parquet-go/format"
)

// truths adds the values of p.takes of an RLE page of truth values.
func (p *pageReader) truths(c *vector, body []byte, total int) error {
	runs, _, err := prefixed(body, format.RLE)
	if err != nil {
		return err
	}
	one := &values{ints: []int64{0, 1}}
	if err := c.own(total); err != nil {
		return err
	}
	return p.expand(c, runs, 1, one)
}

// indexes adds the values of p.takes of a page of dictionary indexes.
func (p *pageReader) indexes(c *vector, body []byte, dict *values, total int) error {
	if len(body) == 0 {
		return errNoValues
	}
	width := uint(body[0])
	if c.dict == nil && c.values.len(c.shape) == 0 {
		c.dict = dict
		c.index = make([]uint32, 0, total)
	}
	if c.dict != dict {
		if err := c.own(total); err != nil {
			return err
		}
		return p.expand(c, body[1:], width, dict)
	}
	runs, err := newHybrid(body[1:], width)
	if err != nil {
		return err
	}
	start := len(c.index)
	c.index = slices.Grow(c.index, total)
	for _, t := range p.takes {
		if err := runs.skip(t.skip); err != nil {
			return err
		}
		at := len(c.index)
		c.index = c.index[:at+t.take]
		if err := runs.read(c.index[at:]); err != nil {
			return err
		}
	}
	return checkIndexes(c.index[start:], dict.len(c.shape))
}

func checkIndexes(index []uint32, n int) error {
	var top uint32
	for _, i := range index {
		top = max(top, i)
	}
	if len(index) > 0 && int(top) >= n {
		return errIndex
	}
	return nil
}

// expand adds the values that indexes name.
func (p *pageReader) expand(c *vector, body []byte, width uint, dict *values) error {
	runs, err := newHybrid(body, width)
	if err != nil {
		return err
	}
	for _, t := range p.takes {
		if err := runs.skip(t.skip); err != nil {
			return err
		}
		p.index = slices.Grow(p.index[:0], t.take)[:t.take]
		if err := runs.read(p.index); err != nil {
			return err
		}
		if err := checkIndexes(p.index, dict.len(c.shape)); err != nil {
			return err
		}
		for _, i := range p.index {
			if err := c.copyOf(c.shape, dict, int(i)); err != nil {
				return err
			}
		}
	}
	return nil
}

// own makes c hold its values itself, those of dictionary pages before included, and makes room for n more.
func (c *vector) own(n int) error {
	if c.dict != nil {
		dict, index := c.dict, c.index
		c.dict, c.index = nil, nil
		for _, i := range index {
			if err := c.copyOf(c.shape, dict, int(i)); err != nil {
				return err
			}
		}
	}
	switch c.physical {
	case format.ByteArray:
		c.ends = slices.Grow(c.ends, n+1)
	case format.FixedLenByteArray:
		c.values.width = c.shape.width
		c.data = slices.Grow(c.data, n*c.shape.width)
	default:
		c.ints = slices.Grow(c.ints, n)
	}
	return nil
}
