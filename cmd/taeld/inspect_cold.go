package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold"
	"github.com/taeldb/tael/engine/cold/objstore"
	"github.com/taeldb/tael/engine/cold/spanfile"
)

// largestDeletes bounds what is read whole to see whether it is a file of position deletes.
const largestDeletes = 256 << 20

// parquet prints a span file, or a file of position deletes.
func (in *inspector) parquet(path string, f io.ReaderAt, size int64) error {
	o := spanfile.DefaultReadOptions()
	o.Name = path
	file, err := spanfile.Open(in.ctx, ranges{f}, size, o)
	if err == nil {
		return in.spanFile(path, file)
	}
	if size <= largestDeletes && !errors.Is(err, tael.ErrNewer) {
		data, readErr := os.ReadFile(path)
		if readErr != nil {
			return fmt.Errorf("inspect: %w", readErr)
		}
		if positions, ok := cold.IsDeletes(data); ok {
			in.deletes(path, positions)
			return nil
		}
	}
	return fmt.Errorf("inspect: %w", err)
}

func (in *inspector) spanFile(path string, file *spanfile.File) error {
	info := file.Info()
	groups, columns := file.Inspect()
	in.printf("span file %s: %d spans, %d with errors, %d traces in %d row groups, %d bytes, of which %d are sections and %d the filter of trace ids", path,
		info.Rows, info.Errors, info.Traces, info.RowGroups, info.Bytes, file.SectionBytes(), len(file.TraceFilter()))
	in.times(info.MinStart, info.MaxStart)
	for i, g := range groups {
		in.printf("  row group %d: rows %d to %d, %d traces, %d with errors, %d bytes, starts from %s to %s, longest %d ns; trace index of %d, term filter of %d bytes", i, g.First,
			g.First+g.Rows-1, g.Traces, g.Errors, g.Bytes, tael.FormatTime(g.MinStart), tael.FormatTime(g.MaxStart), g.MaxDuration, g.Index, g.TermBytes)
	}
	for _, c := range columns {
		in.printf("  column %d %s: %d bytes in %d pages", c.ID, c.Path, c.Bytes, c.Pages)
	}
	in.readRows(file)
	return nil
}

// readRows prints the spans that were asked for, or reads all of them to find damage.
func (in *inspector) readRows(file *spanfile.File) {
	if in.rows == 0 && !in.check {
		return
	}
	err := file.Rows(in.ctx, nil, func(_ int64, s *tael.Span) error {
		in.span(s)
		if in.rows == 0 && !in.check {
			return errEnough
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEnough) {
		in.found(err.Error())
	}
}

func (in *inspector) deletes(path string, positions map[string][]int64) {
	rows := 0
	for _, p := range positions {
		rows += len(p)
	}
	in.printf("position deletes %s: %d rows of %d data files are superseded", path, rows, len(positions))
	for _, key := range slices.Sorted(maps.Keys(positions)) {
		p := positions[key]
		in.printf("  %s: %d rows, from row %d to row %d", key, len(p), p[0], p[len(p)-1])
	}
}

// table prints the table in a store; version 0 is the newest.
func (in *inspector) table(store objstore.Store, version int) error {
	r, err := cold.Inspect(in.ctx, store, version)
	if err != nil {
		return err
	}
	in.tableHead(r)
	for _, f := range r.Files {
		in.printf("  file %s: %d rows, %d superseded, %d bytes, starts from %s to %s", f.Key, f.Rows, f.Deleted, f.Bytes, tael.FormatTime(f.MinStart), tael.FormatTime(f.MaxStart))
	}
	for _, f := range r.Deletes {
		in.printf("  position deletes %s: %d rows, %d bytes", f.Key, f.Rows, f.Bytes)
	}
	in.found(r.Damage...)
	if in.rows == 0 && !in.check {
		return nil
	}
	for _, f := range r.Files {
		o := spanfile.DefaultReadOptions()
		o.Name = f.Key
		file, err := spanfile.Open(in.ctx, objectRanges{store, f.Key}, f.Bytes, o)
		switch {
		case errors.Is(err, tael.ErrDamaged), errors.Is(err, tael.ErrNewer), errors.Is(err, objstore.ErrNotFound), errors.Is(err, io.ErrUnexpectedEOF):
			in.found(err.Error())
		case err != nil:
			return err
		default:
			in.readRows(file)
		}
		if in.rows == 0 && !in.check {
			return nil
		}
	}
	return nil
}

func (in *inspector) tableHead(r *cold.TableReport) {
	in.printf("table %s at %s: Iceberg format %d, metadata version %d, %d snapshots", r.UUID, r.Location, r.Format, r.Version, r.Snapshots)
	if r.SnapshotID == 0 {
		in.printf("  nothing was ever committed")
	} else {
		in.printf("  current snapshot %d of %s", r.SnapshotID, r.Committed.Format("2006-01-02T15:04:05.000Z07:00"))
	}
	for _, key := range slices.Sorted(maps.Keys(r.Summary)) {
		in.printf("    %s: %s", key, r.Summary[key])
	}
	for _, dir := range slices.Sorted(maps.Keys(r.Watermarks)) {
		in.printf("  data directory %s is flushed up to segment %d", dir, r.Watermarks[dir])
	}
}

// metadata prints the table as a metadata file says, with its files when those lie around it.
func (in *inspector) metadata(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	r, err := cold.InspectMetadata(data)
	if err != nil {
		return fmt.Errorf("inspect %s: %w", path, err)
	}
	number, _ := strings.CutPrefix(strings.TrimSuffix(filepath.Base(path), ".metadata.json"), "v")
	version, err := strconv.Atoi(number)
	if root, ok := tableRoot(filepath.Dir(path)); ok && err == nil && version > 0 {
		return in.table(folder{root}, version)
	}
	in.tableHead(r)
	return nil
}

// avro prints the records of a manifest or a manifest list.
func (in *inspector) avro(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("inspect: %w", err)
	}
	in.printf("manifest or manifest list %s", path)
	if err := cold.InspectAvro(data, func(record []byte) error {
		in.printf("%s", record)
		return in.err
	}); err != nil {
		return fmt.Errorf("inspect %s: %w", path, err)
	}
	return nil
}
