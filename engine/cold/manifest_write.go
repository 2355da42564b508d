package cold

import (
	"bytes"
	"context"
	"fmt"

	"github.com/apache/iceberg-go"
)

// writtenManifest is a manifest that is in the store and not yet in a snapshot.
type writtenManifest struct {
	key  string
	file iceberg.ManifestFile
}

// change is what one entry of a manifest becomes.
type change struct {
	status iceberg.ManifestEntryStatus
	entry  iceberg.ManifestEntry
}

// writeManifest encodes entries of one content and stores them. The key is told with an error of the store, too: the object may be there.
func (t *Table) writeManifest(ctx context.Context, s *state, name string, content iceberg.ManifestContent, snapshot int64, changes []change) (writtenManifest, error) {
	var out bytes.Buffer
	var file iceberg.ManifestFile
	var key string
	err := guard(func() error {
		w, err := iceberg.NewManifestWriter(icebergFormat, &out, s.head.meta.PartitionSpec(), s.head.meta.CurrentSchema(), snapshot, iceberg.WithManifestWriterContent(content))
		if err != nil {
			return err
		}
		for _, c := range changes {
			switch c.status {
			case iceberg.EntryStatusADDED:
				err = w.Add(c.entry)
			case iceberg.EntryStatusDELETED:
				err = w.Delete(c.entry)
			default:
				err = w.Existing(c.entry)
			}
			if err != nil {
				return err
			}
		}
		if err := w.Close(); err != nil {
			return err
		}
		key = summedKey(name, out.Bytes(), avroSuffix)
		file, err = w.ToManifestFile(t.path(key), int64(out.Len()), iceberg.WithManifestFileContent(content))
		return err
	})
	if err != nil {
		return writtenManifest{}, fmt.Errorf("cold: encode manifest %s: %w", name, err)
	}
	if err := t.putFresh(ctx, key, out.Bytes()); err != nil {
		return writtenManifest{key: key}, fmt.Errorf("cold: write manifest %s: %w", key, err)
	}
	return writtenManifest{key, file}, nil
}

// addedManifest lists new files. It is the same on every try of a commit: sequence numbers are inherited from the snapshot.
func (t *Table) addedManifest(ctx context.Context, s *state, name string, content iceberg.ManifestContent, snapshot int64, files []iceberg.DataFile) (writtenManifest, error) {
	changes := make([]change, len(files))
	for i, f := range files {
		changes[i] = change{iceberg.EntryStatusADDED, iceberg.NewManifestEntry(iceberg.EntryStatusADDED, &snapshot, nil, nil, f)}
	}
	return t.writeManifest(ctx, s, name, content, snapshot, changes)
}

// rewriteManifests writes one manifest with the live entries of several, in their place. Entries of files in drop are marked deleted.
func (t *Table) rewriteManifests(ctx context.Context, s *state, name string, snapshot int64, from []*manifest, drop map[string]bool) (writtenManifest, error) {
	var changes []change
	for _, m := range from {
		entries, err := t.readEntries(ctx, m.key, m.file)
		if err != nil {
			return writtenManifest{}, err
		}
		for _, e := range entries {
			c := change{iceberg.EntryStatusEXISTING, e}
			if file, err := reroot(e.DataFile().FilePath()); err == nil && drop[file] {
				c.status = iceberg.EntryStatusDELETED
			}
			changes = append(changes, c)
		}
	}
	return t.writeManifest(ctx, s, name, from[0].file.ManifestContent(), snapshot, changes)
}

// writeManifestList stores the list of a snapshot, and gives its key even with an error of the store.
func (t *Table) writeManifestList(ctx context.Context, name string, snapshot int64, parent *int64, sequence int64, files []iceberg.ManifestFile) (key string, err error) {
	var out bytes.Buffer
	err = guard(func() error {
		return iceberg.WriteManifestList(icebergFormat, &out, snapshot, parent, &sequence, 0, files)
	})
	if err != nil {
		return "", fmt.Errorf("cold: encode manifest list %s: %w", name, err)
	}
	key = summedKey(name, out.Bytes(), avroSuffix)
	if err := t.putFresh(ctx, key, out.Bytes()); err != nil {
		return key, fmt.Errorf("cold: write manifest list %s: %w", key, err)
	}
	return key, nil
}

func (t *Table) putFresh(ctx context.Context, key string, data []byte) error {
	if _, err := t.store.Put(ctx, key, bytes.NewReader(data)); err != nil {
		return err
	}
	t.fresh.put(key, data)
	return nil
}

// mergeAt is how many manifests of similar size are merged into one. It keeps the number of manifests that Open reads logarithmic, and
// an entry is written again once a level.
const mergeAt = 16

// planMerge groups manifests (given by content and number of entries) that should become one each: as soon as there are mergeAt of one level,
// which is the power of mergeAt below their size. It gives indexes into sizes.
func planMerge(sizes []manifestSize) [][]int {
	type class struct {
		content iceberg.ManifestContent
		level   int
	}
	classes := map[class][]int{}
	for i, m := range sizes {
		level := 0
		for n := m.entries; n >= mergeAt; n /= mergeAt {
			level++
		}
		if level < maxMergeLevel {
			c := class{m.content, level}
			classes[c] = append(classes[c], i)
		}
	}
	var groups [][]int
	for content := iceberg.ManifestContentData; content <= iceberg.ManifestContentDeletes; content++ {
		for level := range maxMergeLevel {
			if g := classes[class{content, level}]; len(g) >= mergeAt {
				groups = append(groups, g)
			}
		}
	}
	return groups
}

// maxMergeLevel leaves manifests of 4096 entries and more alone: some megabytes.
const maxMergeLevel = 3

type manifestSize struct {
	content iceberg.ManifestContent
	entries int
}
