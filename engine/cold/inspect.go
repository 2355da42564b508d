package cold

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/apache/iceberg-go/table"
	"github.com/twmb/avro/ocf"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/objstore"
)

// TableReport is what a table says of itself.
type TableReport struct {
	Version    int // N of v<N>.metadata.json; 0 when it is not known
	UUID       string
	Location   string // as stored; the table may have been moved since
	Format     int    // of Iceberg
	Snapshots  int    // that can still be read
	SnapshotID int64  // current; 0 when nothing was ever committed
	Committed  time.Time
	Summary    map[string]string // of the snapshot
	Watermarks map[string]uint64 // newest flushed segment of each data directory
	Files      []FileReport      // data files, newest start first within a tenant
	Deletes    []FileReport      // files of position deletes
	Damage     []string          // what is missing or cannot be read
}

// FileReport is a file of the current snapshot. Times are unix nanoseconds, to the microsecond.
type FileReport struct {
	Key, Tenant, Day   string
	Rows, Bytes        int64
	Deleted            int64 // rows that position deletes take out of it
	MinStart, MaxStart uint64
}

// Inspect reads a table in the store without changing anything. version 0 is the newest. What is damaged is named in the report, as far as there is one;
// tael.ErrNotFound says that there is no table.
func Inspect(ctx context.Context, store objstore.Store, version int) (*TableReport, error) {
	t := &Table{store: store, opts: DefaultOptions()}
	var h *head
	var err error
	if version > 0 {
		h, err = t.readHead(ctx, version, t.opts.Now())
	} else {
		h, err = t.discover(ctx)
	}
	if err != nil {
		return nil, err
	}
	if h == nil {
		return nil, fmt.Errorf("cold: %s: %w: no table", tableKey, tael.ErrNotFound)
	}
	t.opts.Location = strings.TrimSuffix(strings.TrimSuffix(h.meta.Location(), "/"), "/"+tableKey)
	r := reportOf(h.meta)
	r.Version = h.version
	s, err := t.load(ctx, h, nil)
	if err != nil {
		r.Damage = append(r.Damage, err.Error())
		return r, nil
	}
	for _, f := range s.files {
		r.Files = append(r.Files, FileReport{Key: f.key, Tenant: f.tenant, Day: dayName(f.day), Rows: f.rows, Bytes: f.bytes,
			Deleted: int64(len(s.deleted[f.key])), MinStart: f.minStart, MaxStart: f.maxStart})
	}
	slices.SortFunc(r.Files, func(a, b FileReport) int {
		if a.Tenant != b.Tenant {
			return strings.Compare(a.Tenant, b.Tenant)
		}
		return newestFirst(s.files[a.Key], s.files[b.Key])
	})
	for _, damage := range s.unread() {
		r.Damage = append(r.Damage, damage.Error())
	}
	for _, f := range s.deletes {
		r.Deletes = append(r.Deletes, FileReport{Key: f.key, Tenant: f.tenant, Day: dayName(f.day), Rows: f.rows, Bytes: f.bytes})
		if f.damage != nil {
			r.Damage = append(r.Damage, f.damage.Error())
		}
	}
	slices.SortFunc(r.Deletes, func(a, b FileReport) int { return strings.Compare(a.Key, b.Key) })
	return r, t.checkSizes(ctx, r)
}

// checkSizes looks whether every data file is there with the size that the manifest says.
func (t *Table) checkSizes(ctx context.Context, r *TableReport) error {
	for _, f := range r.Files {
		info, err := t.store.Stat(ctx, f.Key)
		switch {
		case errors.Is(err, objstore.ErrNotFound):
			r.Damage = append(r.Damage, fmt.Sprintf("data file %s is missing", f.Key))
		case err != nil:
			return fmt.Errorf("cold: look for data file %s: %w", f.Key, err)
		case info.Size != f.Bytes:
			r.Damage = append(r.Damage, fmt.Sprintf("data file %s has %d bytes, the table says %d", f.Key, info.Size, f.Bytes))
		}
	}
	return nil
}

// InspectMetadata reads a metadata file alone.
func InspectMetadata(data []byte) (*TableReport, error) {
	meta, err := parseMetadata(data)
	if err != nil {
		if errors.Is(err, tael.ErrNewer) {
			return nil, fmt.Errorf("table metadata: %w", err)
		}
		return nil, fmt.Errorf("table metadata: %w: %w", tael.ErrDamaged, err)
	}
	return reportOf(meta), nil
}

func reportOf(meta table.Metadata) *TableReport {
	r := &TableReport{UUID: meta.TableUUID().String(), Location: meta.Location(), Format: meta.Version(), Snapshots: len(meta.Snapshots()), Watermarks: watermarks(meta)}
	if s := meta.CurrentSnapshot(); s != nil {
		r.SnapshotID, r.Committed = s.SnapshotID, time.UnixMilli(s.TimestampMs).UTC()
		if s.Summary != nil {
			r.Summary = s.Summary.Properties
		}
	}
	return r
}

// IsDeletes tells whether the content is that of a file of position deletes, and gives the rows by the key of the data file.
func IsDeletes(data []byte) (positions map[string][]int64, ok bool) {
	positions, err := decodeDeletes(data)
	return positions, err == nil
}

// InspectAvro yields the records of a manifest or a manifest list as JSON. An error of yield ends it and is returned as it is.
func InspectAvro(data []byte, yield func(record []byte) error) error {
	damage := func(err error) error { return fmt.Errorf("avro file: %w: %w", tael.ErrDamaged, err) }
	var rd *ocf.Reader
	err := guard(func() (err error) {
		rd, err = ocf.NewReader(bytes.NewReader(data))
		return err
	})
	if err != nil {
		return damage(err)
	}
	for {
		var record any
		if err := guard(func() error { return rd.Decode(&record) }); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return damage(err)
		}
		b, err := json.Marshal(record)
		if err != nil {
			return damage(err)
		}
		if err := yield(b); err != nil {
			return err
		}
	}
}
