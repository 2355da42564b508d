package cold

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// manifest is a manifest of the current snapshot with the live files that it lists; immutable.
type manifest struct {
	key     string
	file    iceberg.ManifestFile
	data    []*dataFile
	deletes []*deleteFile
	damage  error // why it cannot be read, a tael.ErrDamaged: what it lists is not known then
}

func (m *manifest) entries() int { return len(m.data) + len(m.deletes) }

func (t *Table) readManifestList(ctx context.Context, s *table.Snapshot) ([]iceberg.ManifestFile, error) {
	key, err := reroot(s.ManifestList)
	if err != nil {
		return nil, damaged("snapshot", fmt.Sprint(s.SnapshotID), err)
	}
	data, err := t.get(ctx, key)
	if err != nil {
		return nil, damaged("manifest list", key, err)
	}
	var list []iceberg.ManifestFile
	err = guard(func() (err error) {
		list, err = iceberg.ReadManifestList(bytes.NewReader(data))
		return err
	})
	if err != nil {
		return nil, damaged("manifest list", key, err)
	}
	return list, nil
}

// readEntries reads the live entries of a manifest.
func (t *Table) readEntries(ctx context.Context, key string, file iceberg.ManifestFile) (entries []iceberg.ManifestEntry, err error) {
	data, err := t.get(ctx, key)
	if err != nil {
		return nil, damaged("manifest", key, err)
	}
	err = guard(func() (err error) {
		entries, err = iceberg.ReadManifest(file, bytes.NewReader(data), true)
		return err
	})
	if err != nil {
		return nil, damaged("manifest", key, err)
	}
	return entries, nil
}

func (t *Table) readManifest(ctx context.Context, key string, file iceberg.ManifestFile) (*manifest, error) {
	entries, err := t.readEntries(ctx, key, file)
	if err != nil {
		return nil, err
	}
	m := &manifest{key: key, file: file}
	for _, e := range entries {
		if err := guard(func() error { return t.addEntry(m, e.DataFile()) }); err != nil {
			return nil, damaged("manifest", key, err)
		}
	}
	return m, nil
}

// addEntry takes over what is needed of an entry, and drops the bounds of the other columns.
func (t *Table) addEntry(m *manifest, f iceberg.DataFile) error {
	key, err := reroot(f.FilePath())
	if err != nil {
		return err
	}
	tenant, day, err := readPartition(f.Partition())
	if err != nil {
		return fmt.Errorf("file %s: %w", key, err)
	}
	if f.FileFormat() != iceberg.ParquetFile {
		return fmt.Errorf("file %s is %s, want Parquet", key, f.FileFormat())
	}
	switch f.ContentType() {
	case iceberg.EntryContentPosDeletes:
		m.deletes = append(m.deletes, &deleteFile{key: key, tenant: tenant, day: day, rows: f.Count(), bytes: f.FileSizeBytes()})
		return nil
	case iceberg.EntryContentEqDeletes:
		return fmt.Errorf("file %s has equality deletes, which tael does not apply: let the engine that wrote them rewrite the data files", key)
	}
	d := &dataFile{key: key, tenant: tenant, day: day, rows: f.Count(), bytes: f.FileSizeBytes()}
	if stored := f.FilePath(); stored != t.path(key) {
		d.path = stored
	}
	low, top := f.LowerBoundValues(), f.UpperBoundValues()
	// Without bounds a file can hold anything of its day.
	d.minStart = min(longBound(low[fieldStart], uint64(dayStart(day).UnixMicro())), maxMicro) * 1000
	d.maxStart = min(longBound(top[fieldStart], uint64(dayStart(day+1).UnixMicro())-1), maxMicro)*1000 + 999
	d.maxDuration = longBound(top[fieldDuration], ^uint64(0))
	m.data = append(m.data, d)
	return nil
}

// maxMicro keeps the nanoseconds of a damaged bound from wrapping.
const maxMicro = math.MaxUint64/1000 - 1

// longBound reads a bound of a long column; a negative one (the duration of a span that ends before it starts) is 0.
func longBound(b []byte, missing uint64) uint64 {
	if len(b) != 8 {
		return missing
	}
	return uint64(max(0, int64(binary.LittleEndian.Uint64(b))))
}

// get reads an object of the table's metadata, from what this process has just written if possible.
func (t *Table) get(ctx context.Context, key string) ([]byte, error) {
	if data, ok := t.fresh.take(key); ok {
		return data, nil
	}
	data, err := t.store.Get(ctx, key)
	if err == nil {
		err = checkSum(key, data)
	}
	return data, err
}
