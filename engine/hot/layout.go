package hot

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/taeldb/tael"
)

// Names in the hot tier's directory. docs/formats/hot.md describes them.
const (
	dataDirFile  = "datadir"  // the data directory's uuid
	counterFile  = "counter"  // the counter of the newest segment ever begun
	segmentsDir  = "segments" // a directory a segment, named by its counter in 16 hexadecimal digits
	deadSuffix   = ".dead"    // a retired segment on its way out
	damageSuffix = ".damaged" // a segment that could not be opened; never touched again by us
	syncedFile   = "synced"   // in a segment: the number of the last entry known to be on disk
	deadFile     = "DEAD"     // in a segment: it is retired
	tempSuffix   = ".tmp"

	// layoutVersion makes older releases refuse the directory: they would leave out blocks and then remove the segments. Of version 1, segments hold entries only; a
	// directory is given the new version with its first new segment, see createSegment.
	layoutVersion  = "tael hot 2"
	layoutVersion1 = "tael hot 1"
)

func segmentName(counter uint64) string { return fmt.Sprintf("%016x", counter) }

// parseSegmentName reads a directory's name; suffix is "", deadSuffix or damageSuffix.
func parseSegmentName(name string) (counter uint64, suffix string, ok bool) {
	if len(name) < 16 {
		return 0, "", false
	}
	counter, err := strconv.ParseUint(name[:16], 16, 64)
	suffix = name[16:]
	ok = err == nil && name[:16] == segmentName(counter) && (suffix == "" || suffix == deadSuffix || suffix == damageSuffix)
	return counter, suffix, ok
}

// openLayout makes what is missing of the directory and reads the data directory's uuid. former tells whether it is of a former version.
func openLayout(dir string) (id string, former bool, err error) {
	if err := os.MkdirAll(filepath.Join(dir, segmentsDir), 0o700); err != nil {
		return "", false, fmt.Errorf("hot: make directory: %w", err)
	}
	path := filepath.Join(dir, dataDirFile)
	b, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		entries, err := os.ReadDir(filepath.Join(dir, segmentsDir))
		if err != nil {
			return "", false, fmt.Errorf("hot: list segments: %w", err)
		}
		if len(entries) > 0 {
			// A new uuid would make the cold tier take these segments for unflushed ones of another directory.
			return "", false, fmt.Errorf("hot: %s: %w: the file is missing but there are segments: restore it, or move %s away", path, tael.ErrDamaged, segmentsDir)
		}
		id = uuid.NewString()
		if err := writeName(dir, id); err != nil {
			return "", false, err
		}
		return id, false, syncParent(dir)
	case err != nil:
		return "", false, fmt.Errorf("hot: read the data directory's name: %w", err)
	}
	if id, former, err = parseName(path, string(b)); err != nil {
		return "", false, err
	}
	return id, former, syncParent(dir)
}

// writeName writes the file that names the data directory.
func writeName(dir, id string) error {
	if err := writeFile(filepath.Join(dir, dataDirFile), layoutVersion+"\n"+id+"\n"); err != nil {
		return fmt.Errorf("hot: name the data directory: %w", err)
	}
	return nil
}

// syncParent makes the directory's own name durable, on every start, because the process that made it may have died before it did so.
func syncParent(dir string) error {
	if err := syncDir(filepath.Dir(dir)); err != nil {
		return fmt.Errorf("hot: sync the parent directory: %w", err)
	}
	return nil
}

// parseName reads the content of the file that names the data directory. former tells whether it is of a former version.
func parseName(path, content string) (id string, former bool, err error) {
	lines := strings.Split(content, "\n")
	if len(lines) < 2 || !strings.HasPrefix(lines[0], "tael hot ") {
		return "", false, fmt.Errorf("hot: %s: %w: want a line %q and a uuid", path, tael.ErrDamaged, layoutVersion)
	}
	former = lines[0] == layoutVersion1
	if lines[0] != layoutVersion && !former {
		return "", false, fmt.Errorf("hot: %s: %w: it says %q, this release reads %q", path, tael.ErrNewer, lines[0], layoutVersion)
	}
	u, err := uuid.Parse(lines[1])
	if err != nil {
		return "", false, fmt.Errorf("hot: %s: %w: %v", path, tael.ErrDamaged, err)
	}
	return u.String(), former, nil
}

// readCounter reads the counter of the newest segment; 0 when there was none.
func readCounter(dir string) (uint64, error) {
	path := filepath.Join(dir, counterFile)
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("hot: read the segment counter: %w", err)
	}
	n, err := strconv.ParseUint(strings.TrimSuffix(string(b), "\n"), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("hot: %s: %w: %v", path, tael.ErrDamaged, err)
	}
	return n, nil
}

// writeCounter makes the counter durable. A segment's directory is made only after it, so that no counter is ever used twice.
func writeCounter(dir string, n uint64) error {
	return writeFile(filepath.Join(dir, counterFile), strconv.FormatUint(n, 10)+"\n")
}

// writeFile replaces a file so that after a crash it is the old or the new one, and syncs its directory.
func writeFile(path, content string) (err error) {
	f, err := os.OpenFile(path+tempSuffix, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, werr := f.WriteString(content)
	if err := errors.Join(werr, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+tempSuffix, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
