package hot

import (
	"errors"
	"fmt"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

// reader reads entries of one segment, which its user keeps open. It is used by one goroutine.
type reader struct {
	segment *Segment
	view    *view
	values
	decoder *fragment.Decoder
	meter   *query.Meter
	blocks  *unpacked
	entries []fragment.Entry
}

// newReader makes a reader that keeps what it unpacks in blocks, which may be shared by the readers of one goroutine.
func newReader(seg *Segment, v *view, d *fragment.Decoder, m *query.Meter, blocks *unpacked) *reader {
	return &reader{segment: seg, view: v, values: newValues(seg), decoder: d, meter: m, blocks: blocks}
}

// rows decodes the spans of an entry, with their sequence. The rows are borrowed.
func (r *reader) rows(rec *record, yield func(*fragment.Row) error) error {
	body, err := r.body(rec)
	if err != nil {
		return err
	}
	return r.decode(rec, body, yield)
}

// decode is rows of an entry whose body is at hand.
func (r *reader) decode(rec *record, body []byte, yield func(*fragment.Row) error) error {
	return r.damaged(rec, r.decoder.Rows(body, r.resource, r.numbered(rec, yield)))
}

// decodeKeys is decode with rows that have only what fragment.Decoder.Keys gives, and their sequence.
func (r *reader) decodeKeys(rec *record, body []byte, yield func(*fragment.Row) error) error {
	return r.damaged(rec, r.decoder.Keys(body, r.numbered(rec, yield)))
}

// numbered gives the rows of an entry their sequence.
func (r *reader) numbered(rec *record, yield func(*fragment.Row) error) func(*fragment.Row) error {
	sequence := sequenceOf(r.segment.counter, rec.number)
	return func(row *fragment.Row) error {
		row.Sequence = sequence
		return yield(row)
	}
}

// body gives the unpacked body of an entry, as bodies does.
func (r *reader) body(rec *record) ([]byte, error) {
	bodies, err := r.bodies(rec)
	if err != nil {
		return nil, r.damaged(rec, err)
	}
	if err := r.meter.Read(tael.Explain{HotFragments: 1, Rows: int64(rec.header.Spans)}); err != nil {
		return nil, err
	}
	return bodies[rec.from : rec.from+rec.bytes], nil
}

// damaged says where damage is; other errors pass as they are.
func (r *reader) damaged(rec *record, err error) error {
	if errors.Is(err, tael.ErrDamaged) {
		return fmt.Errorf("hot: segment %s, trace %s, sequence %d: %w", segmentName(r.segment.counter), rec.trace, sequenceOf(r.segment.counter, rec.number), err)
	}
	return err
}

// bodies gives the unpacked bodies of the block that an entry is in. They are good until the next call.
func (r *reader) bodies(rec *record) ([]byte, error) {
	key := blockKey{r.segment.counter, rec.block}
	if b, ok := r.blocks.get(key); ok {
		return b, nil
	}
	block := &r.view.blocks[rec.block]
	if err := r.meter.Read(tael.Explain{Bytes: int64(block.bytes)}); err != nil {
		return nil, err
	}
	place, err := r.blocks.place(key, int64(block.bytes))
	if err != nil {
		return nil, err
	}
	r.key = appendSpanKey(r.key[:0], r.view.tenants[block.tenant], block.trace, sequenceOf(r.segment.counter, block.number))
	err = r.read(func(value []byte) error {
		b, err := fragment.ReadBlock(value, block.trace, r.entries[:0])
		if err != nil {
			return err
		}
		r.entries = b.Entries[:0]
		// Before it is unpacked, so that nothing takes more memory than was held for it.
		if n := bodiesLen(b.Entries); n != int(block.bytes) {
			return fmt.Errorf("%w: the block unpacks to %d bytes, its index has %d", tael.ErrDamaged, n, block.bytes)
		}
		bodies, err := b.Bodies(place.bodies)
		if err == nil {
			place.bodies = bodies
		}
		return err
	})
	if err != nil {
		place.forget()
		return nil, err
	}
	return place.bodies, nil
}

// resource reads a Resource message. The bytes are the caller's.
func (r *reader) resource(id fragment.ResourceID) (b []byte, err error) {
	r.key = appendResourceKey(r.key[:0], id)
	err = r.read(func(value []byte) error {
		b = append([]byte(nil), value...)
		return nil
	})
	return b, err
}
