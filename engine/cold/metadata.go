package cold

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
	"github.com/google/uuid"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/objstore"
)

// Table properties of ours.
const (
	propertyFormat  = "tael.format"    // version of what Iceberg does not fix: names, sections, watermarks
	propertyCommit  = "tael.commit-id" // who made this metadata file; also in the snapshot's summary
	propertyFlushed = "tael.flushed."  // + data directory: counter of its newest flushed segment

	tableFormat   = 1
	icebergFormat = 2
)

// head is one metadata file.
type head struct {
	version int
	meta    table.Metadata
	looked  time.Time // when it was certainly the newest
}

// newMetadata is the metadata of an empty table.
func newMetadata(location string, now time.Time) (table.Metadata, error) {
	b, err := table.NewMetadataBuilder(icebergFormat)
	if err != nil {
		return nil, err
	}
	spec, order := partitionSpec(), table.UnsortedSortOrder
	err = errors.Join(
		b.SetUUID(uuid.New()),
		b.SetLoc(location),
		b.AddSchema(tableSchema()),
		b.SetCurrentSchemaID(-1),
		b.AddPartitionSpec(&spec, true),
		b.SetDefaultSpecID(-1),
		b.AddSortOrder(&order),
		b.SetDefaultSortOrderID(-1),
		b.SetProperties(iceberg.Properties{
			propertyFormat:                               strconv.Itoa(tableFormat),
			"write.parquet.compression-codec":            "zstd",
			"write.delete.mode":                          "merge-on-read",
			"write.metadata.delete-after-commit.enabled": "true",
			"write.metadata.previous-versions-max":       "1000",
			"commit.manifest-merge.enabled":              "true",
		}),
	)
	if err != nil {
		return nil, err
	}
	meta, err := b.Build()
	if err != nil {
		return nil, err
	}
	return stamp(meta, now.UnixMilli())
}

// stamp sets the time of metadata that the library stamps with a clock of its own: all that brings no snapshot.
func stamp(meta table.Metadata, millis int64) (table.Metadata, error) {
	data, err := json.Marshal(meta)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return nil, err
	}
	fields["last-updated-ms"] = strconv.AppendInt(nil, millis, 10)
	if data, err = json.Marshal(fields); err != nil {
		return nil, err
	}
	return parseMetadata(data)
}

// parseMetadata reads a metadata file. Errors are a tael.ErrNewer or have no class.
func parseMetadata(data []byte) (meta table.Metadata, err error) {
	var peek struct {
		Version    *int              `json:"format-version"`
		Properties map[string]string `json:"properties"`
	}
	if err := json.Unmarshal(data, &peek); err != nil {
		return nil, err
	}
	if peek.Version == nil {
		return nil, errors.New("no format-version")
	}
	if *peek.Version > icebergFormat {
		return nil, fmt.Errorf("Iceberg format %d, this release reads %d: %w: use a newer release", *peek.Version, icebergFormat, tael.ErrNewer)
	}
	if *peek.Version < icebergFormat {
		return nil, fmt.Errorf("Iceberg format %d, want %d", *peek.Version, icebergFormat)
	}
	if v := peek.Properties[propertyFormat]; v != "" {
		n, err := strconv.Atoi(v)
		if err != nil {
			return nil, fmt.Errorf("property %s is %.32q", propertyFormat, v)
		}
		if n > tableFormat {
			return nil, fmt.Errorf("tael format %d, this release reads %d: %w: use a newer release", n, tableFormat, tael.ErrNewer)
		}
	}
	err = guard(func() error {
		meta, err = table.ParseMetadataBytes(data)
		if err == nil && meta.CurrentSchema() == nil {
			err = errors.New("no current schema")
		}
		return err
	})
	return meta, err
}

// guard turns a panic of the Iceberg library on damaged input into an error: what it reads comes from a disk or a network.
func guard(run func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("cannot be read: %v", r)
		}
	}()
	return run()
}

func (t *Table) readHead(ctx context.Context, n int, looked time.Time) (*head, error) {
	data, err := t.store.Get(ctx, versionKey(n))
	if err != nil {
		return nil, damaged("table metadata", versionKey(n), err)
	}
	meta, err := parseMetadata(data)
	if err != nil {
		return nil, damaged("table metadata", versionKey(n), err)
	}
	return &head{version: n, meta: meta, looked: looked}, nil
}

// discover finds the newest metadata file without knowing any. It is nil when there is no table.
func (t *Table) discover(ctx context.Context) (*head, error) {
	now, newest := t.opts.Now(), 0
	for info, err := range t.store.List(ctx, metadataKey+versionPrefix) {
		if err != nil {
			return nil, fmt.Errorf("cold: look for the table: %w", err)
		}
		if n, ok := parseVersionKey(info.Key); ok {
			newest = max(newest, n)
		}
	}
	hint, err := t.readHint(ctx)
	if err != nil {
		return nil, err
	}
	if hint > newest {
		// The hint is written after its metadata file, so files were lost: going on from an older one would lose commits for good.
		return nil, fmt.Errorf("cold: table metadata %s: %w: %s names it, but the newest that exists is v%d: restore it, or delete %[3]s to go on from there",
			versionKey(hint), tael.ErrDamaged, hintKey, newest)
	}
	if newest == 0 {
		return nil, nil
	}
	return t.readHead(ctx, newest, now)
}

// advance finds the newest metadata file from one that was the newest before.
func (t *Table) advance(ctx context.Context, from *head) (*head, error) {
	now := t.opts.Now()
	if stale := now.Sub(from.looked); stale > t.opts.MetadataGrace/2 || stale < 0 {
		// Successors of a head that we have not looked at for so long may be gone already, so that probing would find nothing.
		h, err := t.discover(ctx)
		if err == nil && h == nil {
			err = fmt.Errorf("cold: table metadata %s: %w: all metadata files are gone", metadataKey, tael.ErrDamaged)
		}
		return h, err
	}
	n := from.version
	for {
		_, err := t.store.Stat(ctx, versionKey(n+1))
		if errors.Is(err, objstore.ErrNotFound) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("cold: look for newer table metadata: %w", err)
		}
		n++
	}
	if n == from.version {
		return &head{version: n, meta: from.meta, looked: now}, nil
	}
	return t.readHead(ctx, n, now)
}

func (t *Table) readHint(ctx context.Context) (int, error) {
	data, err := t.store.Get(ctx, hintKey)
	if errors.Is(err, objstore.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("cold: read %s: %w", hintKey, err)
	}
	if n, err := strconv.Atoi(strings.TrimSpace(string(data))); err == nil && n > 0 {
		return n, nil
	}
	return 0, nil // it is only a hint
}

// writeHint tells outside readers where to begin. It never goes back knowingly; if it does in a race, readers probe on from there.
func (t *Table) writeHint(ctx context.Context, n int) error {
	if now, err := t.readHint(ctx); err == nil && now >= n {
		return nil
	}
	_, err := t.store.Put(ctx, hintKey, bytes.NewReader([]byte(strconv.Itoa(n)+"\n")))
	return err
}

func marshalMetadata(meta table.Metadata) ([]byte, error) { return json.Marshal(meta) }

// watermarks reads the flushed counters out of the table's properties.
func watermarks(meta table.Metadata) map[string]uint64 {
	out := map[string]uint64{}
	for key, value := range meta.Properties() {
		if dir, ok := strings.CutPrefix(key, propertyFlushed); ok {
			if n, err := strconv.ParseUint(value, 10, 64); err == nil {
				out[dir] = n
			}
		}
	}
	return out
}
