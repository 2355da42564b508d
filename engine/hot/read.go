package hot

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/query"
	"github.com/taeldb/tael/fragment"
)

// reader reads entries of one segment, which its user keeps open. It is used by one goroutine.
type reader struct {
	segment *Segment
	view    *view
	txn     *badger.Txn
	decoder *fragment.Decoder
	meter   *query.Meter

	key, value, body []byte
}

func newReader(seg *Segment, v *view, d *fragment.Decoder, m *query.Meter) *reader {
	// Every transaction's writes are visible at once, without waiting for the one that is being committed; the index says what is
	// there.
	return &reader{segment: seg, view: v, txn: seg.db.NewTransactionAt(readEverything, false), decoder: d, meter: m}
}

func (r *reader) close() { r.txn.Discard() }

// rows decodes the spans of an entry, with their sequence. The rows are borrowed. The entry's unpacked bytes stay in r.body.
func (r *reader) rows(rec *record, yield func(*fragment.Row) error) error {
	if err := r.entry(rec, sequenceOf(r.segment.counter, rec.number)); err != nil {
		return r.damaged(rec, err)
	}
	if err := r.meter.Read(tael.Explain{HotFragments: 1, Rows: int64(rec.header.Spans), Bytes: int64(len(r.body))}); err != nil {
		return err
	}
	return r.decode(rec, r.body, yield)
}

// decode decodes the spans of an entry's unpacked bytes.
func (r *reader) decode(rec *record, body []byte, yield func(*fragment.Row) error) error {
	sequence := sequenceOf(r.segment.counter, rec.number)
	return r.damaged(rec, r.decoder.Rows(body, r.resource, func(row *fragment.Row) error {
		row.Sequence = sequence
		return yield(row)
	}))
}

// damaged says where damage is; other errors pass as they are.
func (r *reader) damaged(rec *record, err error) error {
	if errors.Is(err, tael.ErrDamaged) {
		return fmt.Errorf("hot: segment %s, trace %s, sequence %d: %w", segmentName(r.segment.counter), rec.trace, sequenceOf(r.segment.counter, rec.number), err)
	}
	return err
}

// entry reads and unpacks an entry into r.body.
func (r *reader) entry(rec *record, sequence uint64) error {
	r.key = appendSpanKey(r.key[:0], r.view.tenants[rec.tenant], rec.trace, sequence)
	return r.read(func(value []byte) error {
		e, err := fragment.ReadEntry(value)
		if err != nil {
			return err
		}
		r.body, err = e.Body(r.body)
		return err
	})
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

// read gives the value under r.key, its parts put together. The value is borrowed until use returns.
func (r *reader) read(use func(value []byte) error) error {
	item, err := r.get()
	if err != nil {
		return err
	}
	parts := int(item.UserMeta())
	if parts == 0 {
		return item.Value(use)
	}
	if r.value, err = item.ValueCopy(r.value[:0]); err != nil {
		return err
	}
	first := len(r.key)
	for part := 1; part <= parts; part++ {
		r.key = appendPartKey(r.key[:first], part)
		if item, err = r.get(); err != nil {
			return err
		}
		if err := item.Value(func(v []byte) error { r.value = append(r.value, v...); return nil }); err != nil {
			return err
		}
	}
	return use(r.value)
}

func (r *reader) get() (*badger.Item, error) {
	item, err := r.txn.Get(r.key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, fmt.Errorf("key %x: %w: it is not there", r.key, tael.ErrDamaged)
	}
	if err != nil {
		return nil, fmt.Errorf("hot: read segment %s: %w", segmentName(r.segment.counter), err)
	}
	return item, nil
}
