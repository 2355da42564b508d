package cold

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/apache/iceberg-go"
	"github.com/google/uuid"

	"github.com/taeldb/tael"
	"github.com/taeldb/tael/engine/cold/spanfile"
	"github.com/taeldb/tael/fragment"
)

// writtenFile is a file of a Tx that is in the store and in no snapshot yet.
type writtenFile struct {
	key, tenant string
	day         int32
	info        spanfile.Info
	targets     []string         // of position deletes: keys of the data files
	manifest    iceberg.DataFile // of position deletes: its entry
}

// fileWriter streams a data file into the store: what the spanfile.Writer writes goes through a pipe to the goroutine that puts the object.
type fileWriter struct {
	file  *writtenFile
	w     *spanfile.Writer
	pipe  *io.PipeWriter
	put   chan error         // the result of the upload, once
	stop  context.CancelFunc // ends the upload
	trace tael.TraceID
}

var errAborted = errors.New("the flush was aborted")

// nameFile begins the key of a file.
func (x *Tx) nameFile(tenant string, day int32) string {
	x.named++
	return fileName(tenant, day, x.dataDir, x.counter, x.named, strings.ReplaceAll(uuid.NewString(), "-", "")[:8])
}

// newFile protects a file from Orphans until the Tx ends.
func (x *Tx) newFile(key, tenant string, day int32) *writtenFile {
	x.table.protect(key, true)
	return &writtenFile{key: key, tenant: tenant, day: day}
}

func (x *Tx) openWriter(ctx context.Context, day int32) *fileWriter {
	reader, pipe := io.Pipe()
	opts := x.table.opts.Writer
	opts.Tenant = x.tenant
	ctx, stop := context.WithCancel(ctx)
	w := &fileWriter{file: x.newFile(x.nameFile(x.tenant, day)+dataSuffix, x.tenant, day), pipe: pipe, put: make(chan error, 1), stop: stop}
	// The upload reads from the start, because a new spanfile.Writer writes at once.
	go func() {
		_, err := x.table.store.Put(ctx, w.file.key, reader)
		// Unblocks a writer that goes on after the upload has failed.
		reader.CloseWithError(err)
		w.put <- err
	}()
	w.w = spanfile.NewWriter(pipe, opts)
	return w
}

func (w *fileWriter) append(r *fragment.Row) error {
	w.trace = r.TraceID
	if err := w.w.Append(r); err != nil {
		return fmt.Errorf("cold: write data file %s: %w", w.file.key, err)
	}
	return nil
}

// close ends the file and waits until it is durable. The error of the store, if that is the cause, keeps its class.
func (w *fileWriter) close() error {
	info, err := w.w.Close()
	if err != nil {
		w.pipe.CloseWithError(err)
	} else {
		err = w.pipe.Close()
	}
	putErr := <-w.put
	w.stop()
	if err == nil {
		err = putErr
	}
	if err != nil {
		return fmt.Errorf("cold: write data file %s: %w", w.file.key, err)
	}
	w.file.info = info
	return nil
}

// abort ends the upload and gives its error, which says that, or why it had failed before.
func (w *fileWriter) abort() error {
	w.pipe.CloseWithError(errAborted)
	w.stop() // an upload that hangs does not read the pipe
	return <-w.put
}

// manifestEntry is the file as the table's manifest lists it.
func (f *writtenFile) manifestEntry(t *Table) (iceberg.DataFile, error) {
	b, err := iceberg.NewDataFileBuilder(partitionSpec(), iceberg.EntryContentData, t.path(f.key), iceberg.ParquetFile,
		partitionValues(f.tenant, f.day), nil, nil, f.info.Rows, f.info.Bytes)
	if err != nil {
		return nil, fmt.Errorf("cold: describe data file %s: %w", f.key, err)
	}
	sizes, values, nulls := map[int]int64{}, map[int]int64{}, map[int]int64{}
	low, top := map[int][]byte{}, map[int][]byte{}
	for _, c := range f.info.Columns {
		id := int(c.FieldID)
		sizes[id], values[id], nulls[id] = c.Bytes, c.Values, c.Nulls
		if c.Lower != nil {
			low[id] = c.Lower
		}
		if c.Upper != nil {
			top[id] = c.Upper
		}
	}
	return b.ColumnSizes(sizes).ValueCounts(values).NullValueCounts(nulls).LowerBoundValues(low).UpperBoundValues(top).SplitOffsets(f.info.Splits).Build(), nil
}

// writeDeletes stores the position deletes: a file for each tenant and day, because a file never crosses a partition.
func (x *Tx) writeDeletes(ctx context.Context) ([]iceberg.DataFile, error) {
	type partition struct {
		tenant string
		day    int32
	}
	groups := map[partition]map[string][]int64{} // by stored path
	targets := map[partition][]string{}
	for _, key := range slices.Sorted(maps.Keys(x.deletes)) {
		f := x.base.files[key]
		p := partition{f.tenant, f.day}
		if groups[p] == nil {
			groups[p] = map[string][]int64{}
		}
		groups[p][x.base.storedPath(x.table, f)] = x.deletes[key]
		targets[p] = append(targets[p], key)
	}
	var out []iceberg.DataFile
	for p, positions := range groups {
		data, err := encodeDeletes(positions)
		if err != nil {
			return nil, fmt.Errorf("cold: encode position deletes of tenant %s on %s: %w", p.tenant, dayName(p.day), err)
		}
		f := x.newFile(summedKey(x.nameFile(p.tenant, p.day), data, deletesSuffix), p.tenant, p.day)
		f.targets = targets[p]
		x.finished = append(x.finished, f)
		err = x.table.step(StepFlushDeletes, func() error {
			_, err := x.table.store.Put(ctx, f.key, bytes.NewReader(data))
			return err
		})
		if err != nil {
			return nil, fmt.Errorf("cold: write position deletes %s: %w", f.key, err)
		}
		if err := f.describeDeletes(x.table, positions, int64(len(data))); err != nil {
			return nil, err
		}
		out = append(out, f.manifest)
	}
	return out, nil
}

// describeDeletes makes the manifest's entry of a delete file.
func (f *writtenFile) describeDeletes(t *Table, positions map[string][]int64, size int64) error {
	var rows int64
	for _, p := range positions {
		rows += int64(len(p))
	}
	b, err := iceberg.NewDataFileBuilder(partitionSpec(), iceberg.EntryContentPosDeletes, t.path(f.key), iceberg.ParquetFile,
		partitionValues(f.tenant, f.day), nil, nil, rows, size)
	if err != nil {
		return fmt.Errorf("cold: describe position deletes %s: %w", f.key, err)
	}
	paths := slices.Sorted(maps.Keys(positions))
	b.ValueCounts(map[int]int64{deletePathID: rows, deletePosID: rows})
	b.NullValueCounts(map[int]int64{deletePathID: 0, deletePosID: 0})
	b.LowerBoundValues(map[int][]byte{deletePathID: []byte(paths[0])})
	b.UpperBoundValues(map[int][]byte{deletePathID: []byte(paths[len(paths)-1])})
	f.manifest = b.Build()
	return nil
}
