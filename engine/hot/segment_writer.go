package hot

import (
	"fmt"
	"math"

	"github.com/dgraph-io/badger/v4"

	"github.com/taeldb/tael/fragment"
)

// readEverything is a Badger read timestamp after every transaction's.
const readEverything = math.MaxUint64

// segmentWriter puts a group's blocks into one segment, in as many transactions as it takes.
type segmentWriter struct {
	store *Store
	seg   *Segment
	group *group
	txn   *badger.Txn
	cost  int64 // of txn
}

// put writes blocks in order until one does not fit the segment, numbers their entries, and returns how many blocks.
func (w *segmentWriter) put(blocks []block) (n int, err error) {
	defer func() {
		if err != nil && w.txn != nil {
			w.txn.Discard()
		}
	}()
	for n = range blocks {
		b := &blocks[n]
		resources, cost := w.missing(b)
		head := &w.group.joined[b.from]
		first := len(w.group.keys)
		w.group.keys = appendSpanKey(w.group.keys, head.tenant, head.trace, sequenceOf(w.seg.counter, w.seg.next))
		key := w.group.keys[first:len(w.group.keys):len(w.group.keys)]
		cost += valueCost(len(key), len(b.value))
		if w.seg.stored.Load()+w.cost+cost > w.store.opts.SegmentBytes {
			return n, w.commit()
		}
		if err := w.resources(b, resources); err != nil {
			return n, err
		}
		if err := w.value(key, b.value); err != nil {
			return n, err
		}
		w.group.index = append(w.group.index, indexBlock{tenant: head.tenant, number: w.seg.next, entries: b.entries})
		w.seg.next += uint32(len(b.entries))
	}
	return len(blocks), w.commit()
}

// missing lists the resources of the block's requests that the segment does not have yet, and what they cost.
func (w *segmentWriter) missing(b *block) (list []*fragment.Resource, cost int64) {
	g := w.group
	w.store.listings++
	for at := b.from; at < b.to; at++ {
		for l := g.joined[at].first; l >= 0; l = g.links[l].next {
			r := g.requests[g.links[l].request]
			if r.segment == w.seg || r.listed == w.store.listings {
				continue
			}
			r.listed = w.store.listings
			for i := range r.batch.Resources {
				res := &r.batch.Resources[i]
				if _, ok := w.seg.resources[res.ID]; !ok {
					list = append(list, res)
					cost += valueCost(1+len(res.ID), len(res.Bytes))
				}
			}
		}
	}
	return list, cost
}

// resources writes what missing listed.
func (w *segmentWriter) resources(b *block, list []*fragment.Resource) error {
	for _, r := range list {
		if _, ok := w.seg.resources[r.ID]; ok {
			continue // of two requests
		}
		if err := w.value(appendResourceKey(nil, r.ID), r.Bytes); err != nil {
			return err
		}
		w.seg.resources[r.ID] = struct{}{}
	}
	g := w.group
	for at := b.from; at < b.to; at++ {
		for l := g.joined[at].first; l >= 0; l = g.links[l].next {
			g.requests[g.links[l].request].segment = w.seg
		}
	}
	return nil
}

// valueCost is what a value of any size takes of a segment, the ends of its transactions included.
func valueCost(key, value int) int64 {
	parts := 1 + max(0, value-1)/maxPart
	return int64(value) + int64(parts)*int64(key+partBytes+entryOverhead+txnOverhead)
}

// value writes a value, in parts when it is large. The last part is written first and the first last, so that a log that ends in
// between has no first part that promises others.
func (w *segmentWriter) value(key, value []byte) error {
	parts := max(0, len(value)-1) / maxPart
	for part := parts; part > 0; part-- {
		from := part * maxPart
		to := min(len(value), from+maxPart)
		if err := w.set(&badger.Entry{Key: appendPartKey(key[:len(key):len(key)], part), Value: value[from:to]}); err != nil {
			return err
		}
	}
	return w.set(&badger.Entry{Key: key, Value: value[:min(len(value), maxPart)], UserMeta: byte(parts)})
}

// set adds to the transaction, after committing it when it is full. Badger writes the entries of one transaction in any order, and all or
// none of them after a crash.
func (w *segmentWriter) set(e *badger.Entry) error {
	cost := entryCost(len(e.Key), len(e.Value))
	if w.txn != nil && w.cost+cost > txnBytes(w.store.opts.SegmentBytes) {
		if err := w.commit(); err != nil {
			return err
		}
	}
	if w.txn == nil {
		w.txn = w.seg.db.NewTransactionAt(readEverything, true)
		w.cost = txnOverhead
	}
	w.cost += cost
	w.seg.pages.wrote(len(e.Key) + len(e.Value))
	return w.txn.SetEntry(e)
}

// commit writes the transaction to the log; it does not sync.
func (w *segmentWriter) commit() error {
	if w.txn == nil {
		return nil
	}
	w.store.opts.Hook(StepWrite)
	err := w.txn.CommitAt(w.seg.version, nil)
	w.txn = nil
	w.seg.version++
	if err != nil {
		return fmt.Errorf("hot: write segment %d: %w", w.seg.counter, err)
	}
	w.seg.stored.Add(w.cost)
	w.store.hotBytes.Add(w.cost)
	w.store.metrics.committed(w.cost)
	w.cost = 0
	w.store.opts.Hook(StepWrite + stepDone)
	return nil
}
