package hot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/fragment"
)

// DirReport is what a hot tier's directory says of itself.
type DirReport struct {
	DataDir  string   // uuid
	Counter  uint64   // of the newest segment ever begun
	Segments []string // paths of their directories, oldest first, the dead and the damaged included
}

// InspectDir reads the names in a hot tier's directory. It changes nothing and needs no lock, so a running taeld does not mind.
func InspectDir(dir string) (r DirReport, err error) {
	path := filepath.Join(dir, dataDirFile)
	name, err := os.ReadFile(path)
	if err != nil {
		return r, fmt.Errorf("hot: read the data directory's name: %w", err)
	}
	if r.DataDir, _, err = parseName(path, string(name)); err != nil {
		return r, err
	}
	if r.Counter, err = readCounter(dir); err != nil {
		return r, err
	}
	entries, err := os.ReadDir(filepath.Join(dir, segmentsDir))
	if err != nil {
		return r, fmt.Errorf("hot: list segments: %w", err)
	}
	for _, e := range entries {
		r.Segments = append(r.Segments, filepath.Join(dir, segmentsDir, e.Name()))
	}
	return r, nil
}

// IsSegment tells whether a directory looks like that of a segment.
func IsSegment(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, syncedFile))
	if err == nil {
		return true
	}
	_, _, named := parseSegmentName(filepath.Base(dir))
	return named
}

// SegmentReport is what a segment's directory holds.
type SegmentReport struct {
	Counter uint64 // by its name
	State   string // "", "damaged" (set aside), or "dead": its spans are in the cold tier, and it is being removed
	Synced  uint32 // number of the last entry that is known to be on disk
	Logs    []LogReport
	Tables  []string // files of level 0, which a log becomes when a taeld ends in order

	Entries   int
	Resources int
	Spans     int64            // every version of a span counted
	Tenants   map[string]int64 // spans of each
	Bounds    Bounds
	Damage    []string // what cannot be read
}

// LogReport is a log of a segment.
type LogReport struct {
	Name    string
	Bytes   int64 // allocated
	Whole   int64 // up to the end of the last whole transaction
	Records int
}

// InspectSegment reads a segment without opening it, so that it needs no lock, changes nothing, and takes a segment that a running taeld is
// writing: it then sees the commits up to now. yield, if not nil, gets every span, by tenant and block; the row is borrowed. An error of yield
// ends the walk and is returned as it is. What is damaged is named in the report, and the rest is read.
func InspectSegment(ctx context.Context, dir string, yield func(tenant string, r *fragment.Row) error) (*SegmentReport, error) {
	r := &SegmentReport{Tenants: map[string]int64{}}
	counter, suffix, _ := parseSegmentName(filepath.Base(dir))
	r.Counter, r.State = counter, strings.TrimPrefix(suffix, ".")
	// Before the logs, which may grow meanwhile.
	var err error
	if r.Synced, err = readHighWater(dir); errors.Is(err, tael.ErrDamaged) {
		r.Damage = append(r.Damage, err.Error())
	} else if err != nil {
		return nil, err
	}
	s := stored{values: map[string]storedValue{}}
	if err := s.readTables(ctx, dir, r); err != nil {
		return nil, err
	}
	if err := s.readLogs(dir, r); err != nil {
		return nil, err
	}
	err = s.walk(ctx, r, yield)
	// A running taeld may have begun to remove it meanwhile, which looks like damage and is none.
	_, marked := os.Stat(filepath.Join(dir, deadFile))
	if _, gone := os.Stat(dir); marked == nil || errors.Is(gone, fs.ErrNotExist) {
		r.State = "dead"
	}
	if r.State == "dead" {
		r.Damage = nil
	}
	return r, err
}

// readLogs takes the whole transactions of the logs. Badger's own replay ends at the same places.
func (s *stored) readLogs(dir string, r *SegmentReport) error {
	logs, err := filepath.Glob(filepath.Join(dir, "*"+logSuffix))
	if err != nil {
		return err
	}
	for _, path := range logs {
		b, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue // it has just become a table, or gone
		}
		if err != nil {
			return fmt.Errorf("hot: read a log: %w", err)
		}
		ext := s.takeLog(b)
		r.Logs = append(r.Logs, LogReport{Name: filepath.Base(path), Bytes: int64(len(b)), Whole: ext.end, Records: ext.entries})
		if rest := b[ext.end:]; len(strings.Trim(string(rest), "\x00")) > 0 {
			r.Damage = append(r.Damage, fmt.Sprintf("%s: after byte %d there is no whole transaction: a commit that is under way, was never acknowledged, or is damaged", filepath.Base(path), ext.end))
		}
	}
	return nil
}

// stored is what Badger would give, by key.
type stored struct{ values map[string]storedValue }

type storedValue struct {
	value []byte
	parts int // that follow, for the first of an entry
}

// walk puts entries together and decodes them.
func (s *stored) walk(ctx context.Context, r *SegmentReport, yield func(tenant string, row *fragment.Row) error) error {
	resources := map[fragment.ResourceID][]byte{}
	var keys []string
	for key := range s.values {
		if id, part, err := parseResourceKey([]byte(key)); err == nil {
			if part > 0 {
				continue
			}
			if resources[id], err = s.whole(key); err != nil {
				r.Damage = append(r.Damage, fmt.Sprintf("resource %x: %v", id, err))
			}
		} else if k, err := parseSpanKey([]byte(key)); err != nil {
			r.Damage = append(r.Damage, err.Error())
		} else if k.part == 0 {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	r.Resources = len(resources)
	resource := func(id fragment.ResourceID) ([]byte, error) {
		b, ok := resources[id]
		if !ok {
			return nil, fmt.Errorf("resource %x: %w: it is not there", id, tael.ErrDamaged)
		}
		return b, nil
	}
	decoder := fragment.NewDecoder()
	have := uint32(0)
	for _, key := range keys {
		if err := ctx.Err(); err != nil {
			return err
		}
		k, err := parseSpanKey([]byte(key))
		if err != nil {
			return err
		}
		b, err := s.block(key, k.trace)
		for i := range b.Entries {
			r.add(string(k.tenant), b.Entries[i].Header)
			if uint32(k.sequence)+uint32(i) <= r.Synced {
				have++
			}
		}
		if err == nil && yield != nil {
			err = r.rows(b, decoder, k, resource, yield)
		}
		if err := r.damaged(k.trace, k.sequence, err); err != nil {
			return err
		}
	}
	if have < r.Synced {
		r.Damage = append(r.Damage, Gap{Segment: r.Counter, Lost: r.Synced - have, Synced: r.Synced}.String())
	}
	return nil
}

// rows decodes the entries of a block. One that is damaged is named, and the others are decoded.
func (r *SegmentReport) rows(b fragment.Block, decoder *fragment.Decoder, k spanKey, resource func(fragment.ResourceID) ([]byte, error), yield func(string, *fragment.Row) error) error {
	bodies, err := b.Bodies(nil)
	if err != nil {
		return err
	}
	for i := range b.Entries {
		e, sequence := &b.Entries[i], k.sequence+uint64(i)
		err := decoder.Rows(e.Body(bodies), resource, func(row *fragment.Row) error {
			row.Sequence = sequence
			return yield(string(k.tenant), row)
		})
		if err := r.damaged(e.TraceID, sequence, err); err != nil {
			return err
		}
	}
	return nil
}

// damaged notes damage; other errors pass as they are.
func (r *SegmentReport) damaged(id tael.TraceID, sequence uint64, err error) error {
	if errors.Is(err, tael.ErrDamaged) {
		r.Damage = append(r.Damage, fmt.Sprintf("trace %s, sequence %d: %v", id, sequence, err))
		return nil
	}
	return err
}

// block reads a block by the key of its first part.
func (s *stored) block(key string, id tael.TraceID) (fragment.Block, error) {
	value, err := s.whole(key)
	if err != nil {
		return fragment.Block{}, err
	}
	return fragment.ReadBlock(value, id, nil)
}

// whole puts the parts of a value together.
func (s *stored) whole(key string) ([]byte, error) {
	first := s.values[key]
	value := first.value
	for part := 1; part <= first.parts; part++ {
		next, ok := s.values[string(appendPartKey([]byte(key), part))]
		if !ok {
			return nil, fmt.Errorf("part %d of %d: %w: it is not there", part, first.parts, tael.ErrDamaged)
		}
		value = append(value[:len(value):len(value)], next.value...)
	}
	return value, nil
}

func (r *SegmentReport) add(tenant string, h fragment.Header) {
	if r.Entries == 0 {
		r.Bounds.MinStart = h.MinStart
	}
	r.Entries++
	r.Spans += int64(h.Spans)
	r.Tenants[tenant] += int64(h.Spans)
	b := &r.Bounds
	b.MinStart, b.MaxStart = min(b.MinStart, h.MinStart), max(b.MaxStart, h.MaxStart)
	b.MaxEnd, b.MaxDuration = max(b.MaxEnd, h.MaxEnd), max(b.MaxDuration, h.MaxDuration)
}
