package hot

import (
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"github.com/taeldb/tael/fragment"
)

// Gap is acknowledged data that a segment has lost.
type Gap struct {
	Segment uint64 // its counter
	Lost    uint32 // entries that were on disk once
	Synced  uint32 // entries that were on disk, the lost included
}

// String says it for an operator.
func (g Gap) String() string {
	return fmt.Sprintf("segment %s has lost %d of %d acknowledged entries", segmentName(g.Segment), g.Lost, g.Synced)
}

// rebuild makes the index of a segment by one pass over its keys and headers, in key order. An entry that cannot be read is left out,
// which leaves a hole in the numbers, see noteGap.
func (s *Store) rebuild(seg *Segment) error {
	txn := seg.db.NewTransactionAt(readEverything, false)
	defer txn.Discard()
	it := txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	var (
		stored  int64
		pending rebuiltEntry
	)
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		key := item.Key()
		stored += entryCost(len(key), int(item.ValueSize()))
		if len(key) > 0 && key[0] == signalResource {
			continue
		}
		k, err := parseSpanKey(key)
		if err != nil {
			return err
		}
		err = item.Value(func(v []byte) error {
			if k.part == 0 {
				pending = rebuiltEntry{entry: indexEntry{tenant: string(k.tenant), trace: k.trace, number: uint32(k.sequence), parts: int(item.UserMeta())}, value: pending.value[:0]}
			} else if k.trace != pending.entry.trace || uint32(k.sequence) != pending.entry.number || k.part != pending.parts+1 {
				return nil // of an entry whose first part was never written
			} else {
				pending.parts++
			}
			pending.value = append(pending.value, v...)
			if pending.parts < pending.entry.parts {
				return nil
			}
			e, err := fragment.ReadEntry(pending.value)
			if err != nil {
				s.log.Error("an entry cannot be read and is left out", "segment", seg.counter, "trace", k.trace, "sequence", k.sequence, "error", err)
				return nil
			}
			pending.entry.header, pending.entry.filter, pending.entry.size = e.Header, e.Filter, len(pending.value)
			seg.index.add([]entry{{indexEntry: pending.entry}})
			return nil
		})
		if err != nil {
			return err
		}
	}
	seg.stored.Store(stored)
	return nil
}

// rebuiltEntry is an entry whose parts are being put together.
type rebuiltEntry struct {
	entry indexEntry
	value []byte
	parts int // found after the first
}

// noteGap compares what a segment has with the entries that were on disk, up to the number synced.
func (s *Store) noteGap(seg *Segment, synced uint32) {
	v := seg.index.view()
	have := uint32(0)
	for i := range v.records {
		if v.records[i].number <= synced {
			have++
		}
	}
	if have >= synced {
		return
	}
	g := Gap{Segment: seg.counter, Lost: synced - have, Synced: synced}
	s.log.Error("acknowledged data is lost: Badger's log is damaged; the rest of the segment is served", "segment", seg.counter, "lost_entries", g.Lost, "synced_entries", synced, "path", seg.dir)
	s.metrics.gaps.Inc()
	s.mu.Lock()
	s.gaps = append(s.gaps, g)
	s.mu.Unlock()
}
