package hot

import (
	"errors"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/taeldb/tael"
)

// values reads the values of one segment, which its user keeps open. It is used by one goroutine.
type values struct {
	counter    uint64 // of the segment
	txn        *badger.Txn
	key, value []byte
}

func newValues(seg *Segment) values {
	// Every transaction's writes are visible at once, without waiting for the one that is being committed; the index says what is
	// there.
	return values{counter: seg.counter, txn: seg.db.NewTransactionAt(readEverything, false)}
}

func (r *values) close() { r.txn.Discard() }

// read gives the value under r.key, its parts put together. The value is borrowed until use returns.
func (r *values) read(use func(value []byte) error) error {
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

func (r *values) get() (*badger.Item, error) {
	item, err := r.txn.Get(r.key)
	if errors.Is(err, badger.ErrKeyNotFound) {
		return nil, fmt.Errorf("key %x: %w: it is not there", r.key, tael.ErrDamaged)
	}
	if err != nil {
		return nil, fmt.Errorf("hot: read segment %s: %w", segmentName(r.counter), err)
	}
	return item, nil
}
