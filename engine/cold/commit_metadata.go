package cold

import (
	"errors"
	"maps"
	"slices"
	"strconv"

	"github.com/apache/iceberg-go"
	"github.com/apache/iceberg-go/table"
)

// metadata is base's metadata with the edit.
func (a *attempt) metadata(base *state, e *edit, list string) (meta table.Metadata, err error) {
	err = guard(func() error {
		b, err := table.MetadataBuilderFromBase(base.head.meta, a.path(versionKey(base.head.version)))
		if err != nil {
			return err
		}
		keep, _ := a.trimmed(base.head)
		b.TrimMetadataLogs(keep)
		properties := iceberg.Properties{propertyCommit: a.id}
		maps.Copy(properties, e.properties)
		if err := errors.Join(b.SetLoc(a.path(tableKey)), b.SetProperties(properties)); err != nil {
			return err
		}
		expire := e.expire
		if e.operation == "" {
			// The library stamps what brings no snapshot with a clock of its own, and refuses it when that is behind the table's newest commit,
			// which another machine's clock may have made. A snapshot that goes again at once carries the time in.
			if err := b.AddSnapshot(a.newSnapshot(base, e, "")); err != nil {
				return err
			}
			expire = append(slices.Clone(expire), a.snapshot)
		}
		if len(expire) > 0 {
			if err := b.RemoveSnapshots(expire, false); err != nil {
				return err
			}
		}
		if e.operation != "" {
			if err := b.AddSnapshot(a.newSnapshot(base, e, list)); err != nil {
				return err
			}
			if err := b.SetSnapshotRef(table.MainBranch, a.snapshot, table.BranchRef); err != nil {
				return err
			}
		}
		meta, err = b.Build()
		return err
	})
	return meta, err
}

func (a *attempt) newSnapshot(base *state, e *edit, list string) *table.Snapshot {
	schema := base.head.meta.CurrentSchema().ID
	s := &table.Snapshot{
		SnapshotID: a.snapshot, SequenceNumber: base.head.meta.LastSequenceNumber() + 1, SchemaID: &schema, ManifestList: a.path(list),
		TimestampMs: a.timestamp(base),
		Summary:     &table.Summary{Operation: e.operation, Properties: summary(base, e)},
	}
	if base.snapshot != nil {
		parent := base.snapshot.SnapshotID
		s.ParentSnapshotID = &parent
	}
	s.Summary.Properties[propertyCommit] = a.id
	return s
}

// timestamp never goes back: clocks of two machines differ, and Iceberg refuses a snapshot that is older than the one before.
func (a *attempt) timestamp(base *state) int64 {
	return max(a.opts.Now().UnixMilli(), base.head.meta.LastUpdatedMillis())
}

// summary counts the edit and the snapshot, in Iceberg's words.
func summary(base *state, e *edit) iceberg.Properties {
	var added, addedRows, addedBytes, addedDeletes, addedPositions, dropped, droppedRows, droppedBytes, droppedDeletes, droppedPositions int64
	for _, f := range e.data {
		added, addedRows, addedBytes = added+1, addedRows+f.Count(), addedBytes+f.FileSizeBytes()
	}
	for _, f := range e.deletes {
		addedDeletes, addedPositions, addedBytes = addedDeletes+1, addedPositions+f.Count(), addedBytes+f.FileSizeBytes()
	}
	for key := range e.drop {
		if f := base.files[key]; f != nil {
			dropped, droppedRows, droppedBytes = dropped+1, droppedRows+f.rows, droppedBytes+f.bytes
		}
		if f := base.deletes[key]; f != nil {
			droppedDeletes, droppedPositions, droppedBytes = droppedDeletes+1, droppedPositions+f.rows, droppedBytes+f.bytes
		}
	}
	p := iceberg.Properties{}
	put := func(key string, n int64, always bool) {
		if n != 0 || always {
			p[key] = strconv.FormatInt(n, 10)
		}
	}
	put("added-data-files", added, false)
	put("added-records", addedRows, false)
	put("added-files-size", addedBytes, false)
	put("added-delete-files", addedDeletes, false)
	put("added-position-delete-files", addedDeletes, false)
	put("added-position-deletes", addedPositions, false)
	put("deleted-data-files", dropped, false)
	put("deleted-records", droppedRows, false)
	put("removed-files-size", droppedBytes, false)
	put("removed-delete-files", droppedDeletes, false)
	put("removed-position-delete-files", droppedDeletes, false)
	put("removed-position-deletes", droppedPositions, false)
	stored, deleted := base.rows()
	put("total-data-files", int64(len(base.files))+added-dropped, true)
	put("total-records", stored+addedRows-droppedRows, true)
	put("total-files-size", base.bytes()+addedBytes-droppedBytes, true)
	put("total-delete-files", int64(len(base.deletes))+addedDeletes-droppedDeletes, true)
	put("total-position-deletes", deleted+addedPositions-droppedPositions, true)
	put("total-equality-deletes", 0, true)
	return p
}
