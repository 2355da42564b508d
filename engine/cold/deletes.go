package cold

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/parquet-go/parquet-go"
	"golang.org/x/sync/errgroup"

	"github.com/taeldb/tael"
)

// deleteFile is a file of position deletes: rows of data files that newer versions supersede. It is small and read whole.
type deleteFile struct {
	key, tenant string
	day         int32
	rows, bytes int64

	positions map[string][]int64 // rows by key of the data file, ascending; nil until read
	damage    error              // why it cannot be read; a tael.ErrDamaged
}

// Columns of a position delete file; names and field ids are Iceberg's.
const (
	deletePath   = "file_path"
	deletePos    = "pos"
	deletePathID = 2147483546
	deletePosID  = 2147483545
)

func deleteSchema() *parquet.Schema {
	return parquet.NewSchema("table", parquet.Group{
		deletePath: parquet.FieldID(parquet.Encoded(parquet.String(), &parquet.RLEDictionary), deletePathID),
		deletePos:  parquet.FieldID(parquet.Encoded(parquet.Int(64), &parquet.DeltaBinaryPacked), deletePosID),
	})
}

// encodeDeletes writes the file. Iceberg wants the rows ordered by path, then position. paths are keys of positions in the stored form.
func encodeDeletes(positions map[string][]int64) ([]byte, error) {
	var out bytes.Buffer
	w := parquet.NewWriter(&out, deleteSchema(), parquet.Compression(&parquet.Zstd), parquet.CreatedBy("tael", "", ""))
	for _, path := range slices.Sorted(maps.Keys(positions)) {
		rows := slices.Clone(positions[path])
		slices.Sort(rows)
		for _, pos := range rows {
			// Columns of a group are ordered by name: file_path, pos.
			row := parquet.Row{parquet.ValueOf(path).Level(0, 0, 0), parquet.ValueOf(pos).Level(0, 0, 1)}
			if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
				return nil, err
			}
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// decodeDeletes reads a file of position deletes, of any writer, by the keys of the data files.
func decodeDeletes(data []byte) (positions map[string][]int64, err error) {
	positions = map[string][]int64{}
	err = guard(func() error {
		file, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return err
		}
		path, ok1 := file.Schema().Lookup(deletePath)
		pos, ok2 := file.Schema().Lookup(deletePos)
		if !ok1 || !ok2 || path.Node.Type().Kind() != parquet.ByteArray || pos.Node.Type().Kind() != parquet.Int64 {
			return errors.New("no columns file_path and pos")
		}
		for _, group := range file.RowGroups() {
			if err := decodeGroup(group, path.ColumnIndex, pos.ColumnIndex, positions); err != nil {
				return err
			}
		}
		return nil
	})
	for _, rows := range positions {
		slices.Sort(rows)
	}
	return positions, err
}

func decodeGroup(group parquet.RowGroup, path, pos int, into map[string][]int64) error {
	rows := group.Rows()
	defer rows.Close()
	buf := make([]parquet.Row, 512)
	for {
		n, err := rows.ReadRows(buf)
		for _, row := range buf[:n] {
			var key string
			at := int64(-1)
			for _, v := range row {
				switch v.Column() {
				case path:
					k, err := reroot(string(v.ByteArray()))
					if err != nil {
						return err
					}
					key = k
				case pos:
					at = v.Int64()
				}
			}
			if key == "" || at < 0 {
				return errors.New("a row without file_path or pos")
			}
			into[key] = append(into[key], at)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// loadDeletes fills in s.deleted. A file that cannot be read leaves its rows in the answers, which then say so; see state.damage.
func (t *Table) loadDeletes(ctx context.Context, s, prev *state) error {
	known, kept := map[string]*deleteFile{}, 0
	if prev != nil {
		known = prev.deletes
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(t.opts.Parallel)
	var added []*deleteFile
	for key, f := range s.deletes {
		if old := known[key]; old != nil && old.damage == nil {
			s.deletes[key] = old
			kept++
			continue
		}
		f = &deleteFile{key: f.key, tenant: f.tenant, day: f.day, rows: f.rows, bytes: f.bytes} // f may be in use by an older state
		s.deletes[key] = f
		added = append(added, f)
		g.Go(func() error { return t.readDeletes(gctx, f) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	merge := added
	if prev != nil && kept == len(known) {
		s.deleted = maps.Clone(prev.deleted)
	} else {
		merge = slices.Collect(maps.Values(s.deletes))
	}
	touched := map[string]bool{}
	for _, f := range merge {
		for key, rows := range f.positions {
			if s.files[key] != nil {
				s.deleted[key] = append(slices.Clip(s.deleted[key]), rows...)
				touched[key] = true
			}
		}
	}
	for key := range touched {
		slices.Sort(s.deleted[key])
		s.deleted[key] = slices.Compact(s.deleted[key])
	}
	return nil
}

// readDeletes fills in f. Only an error that another try can heal is returned.
func (t *Table) readDeletes(ctx context.Context, f *deleteFile) error {
	data, err := t.get(ctx, f.key)
	if err == nil {
		f.positions, err = decodeDeletes(data)
	}
	if err == nil {
		return nil
	}
	err = damaged("position deletes", f.key, err)
	if errors.Is(err, tael.ErrDamaged) {
		f.damage = fmt.Errorf("%w: superseded versions of spans of tenant %s on %s may show", err, f.tenant, dayName(f.day))
		return nil
	}
	return err
}

// damage lists the metadata and the delete files of a tenant that could not be read.
func (s *state) damage(tenant string) (errs []error) {
	errs = s.unread()
	for _, f := range s.deletes {
		if f.damage != nil && f.tenant == tenant {
			errs = append(errs, f.damage)
		}
	}
	return errs
}
