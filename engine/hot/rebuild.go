package hot

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/dgraph-io/badger/v4"

	"github.com/taeldb/tael"
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

// rebuild makes the index of a segment: one pass over its keys, then one over its blocks in the order of their numbers, as they were written. A block that cannot be
// read is left out, which leaves a hole in the numbers, see noteGap.
func (s *Store) rebuild(seg *Segment) error {
	v := newValues(seg)
	defer v.close()
	found, stored, err := listBlocks(v.txn)
	if err != nil {
		return err
	}
	seg.stored.Store(stored)
	slices.SortFunc(found, func(a, b foundBlock) int { return cmp.Compare(a.number, b.number) })
	var entries []fragment.Entry
	for i := range found {
		f := &found[i]
		sequence := sequenceOf(seg.counter, f.number)
		v.key = appendSpanKey(v.key[:0], f.tenant, f.trace, sequence)
		err := v.read(func(value []byte) error {
			b, err := fragment.ReadBlock(value, f.trace, entries[:0])
			if err != nil {
				return err
			}
			if entries = b.Entries; len(entries) == 0 {
				return fmt.Errorf("%w: the block is empty", tael.ErrDamaged)
			}
			seg.index.add([]indexBlock{{tenant: f.tenant, number: f.number, entries: entries}})
			return nil
		})
		if errors.Is(err, tael.ErrDamaged) || errors.Is(err, tael.ErrNewer) {
			s.log.Error("a block of entries cannot be read and is left out", "segment", seg.counter, "trace", f.trace, "sequence", sequence, "error", err)
		} else if err != nil {
			return err
		}
	}
	return nil
}

// foundBlock is what the key of a block says.
type foundBlock struct {
	tenant string
	trace  tael.TraceID
	number uint32
}

// listBlocks lists the blocks of a segment, and what all its values take of it.
func listBlocks(txn *badger.Txn) (list []foundBlock, stored int64, err error) {
	it := txn.NewIterator(badger.IteratorOptions{})
	defer it.Close()
	tenants := map[string]string{}
	for it.Rewind(); it.Valid(); it.Next() {
		item := it.Item()
		key := item.Key()
		stored += entryCost(len(key), int(item.ValueSize()))
		if len(key) > 0 && key[0] == signalResource {
			continue
		}
		k, err := parseSpanKey(key)
		if err != nil {
			return nil, 0, err
		}
		if k.part > 0 {
			continue
		}
		tenant, ok := tenants[string(k.tenant)]
		if !ok {
			tenant = string(k.tenant)
			tenants[tenant] = tenant
		}
		list = append(list, foundBlock{tenant, k.trace, uint32(k.sequence)})
	}
	return list, stored, nil
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
