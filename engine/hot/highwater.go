package hot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/taeldb/tael"
)

// The high-water file of a segment holds the number of the last entry that is known to be on disk, so that a log that Badger cut
// at a damaged record is noticed: Badger itself keeps the part before it without a word.
//
//	"TAELSYN1" | number (8, little-endian) | CRC-32C of the 16 bytes before (4)
const (
	highWaterMagic = "TAELSYN1"
	highWaterBytes = 8 + 8 + 4

	// highWaterEvery is how many groups pass between two syncs of the file. In between it is only written: a crash of
	// the process keeps what was written, the loss of power only what was synced.
	highWaterEvery = 64
)

type highWater struct {
	file    *os.File
	groups  int // since the last sync
	current uint32
}

// createHighWater makes the file with the number 0, on disk.
func createHighWater(dir string) (*highWater, error) {
	f, err := os.OpenFile(filepath.Join(dir, syncedFile), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("hot: create the high-water file: %w", err)
	}
	h := &highWater{file: f}
	if err := h.write(0, true); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return h, nil
}

// advance notes that entries up to n are on disk. The first is synced before its acknowledgement, so that 0 proves a segment
// of which nothing was ever acknowledged.
func (h *highWater) advance(n uint32) error {
	h.groups++
	if h.current == n {
		return nil
	}
	return h.write(n, h.current == 0 || h.groups >= highWaterEvery)
}

// seal syncs the number.
func (h *highWater) seal() error { return h.write(h.current, true) }

func (h *highWater) write(n uint32, sync bool) error {
	b := make([]byte, 0, highWaterBytes)
	b = append(b, highWaterMagic...)
	b = binary.LittleEndian.AppendUint64(b, uint64(n))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
	if _, err := h.file.WriteAt(b, 0); err != nil {
		return fmt.Errorf("hot: write the high-water number: %w", err)
	}
	if sync {
		if err := h.file.Sync(); err != nil {
			return fmt.Errorf("hot: sync the high-water number: %w", err)
		}
		h.groups = 0
	}
	h.current = n
	return nil
}

func (h *highWater) close() error {
	if h == nil || h.file == nil {
		return nil
	}
	err := h.file.Close()
	h.file = nil
	return err
}

// readHighWater reads the number of a segment's directory. A missing or empty file is 0: the directory was not finished. A damaged one is an
// tael.ErrDamaged.
func readHighWater(dir string) (uint32, error) {
	f, err := os.Open(filepath.Join(dir, syncedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("hot: read the high-water number: %w", err)
	}
	b, err := io.ReadAll(io.LimitReader(f, highWaterBytes+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return 0, fmt.Errorf("hot: read the high-water number: %w", err)
	}
	if len(b) == 0 {
		return 0, nil // made and not written yet
	}
	return parseHighWater(b)
}

func parseHighWater(b []byte) (uint32, error) {
	if len(b) != highWaterBytes || string(b[:8]) != highWaterMagic {
		return 0, fmt.Errorf("hot: high-water file: %w: %d bytes, want %d that begin with %s", tael.ErrDamaged, len(b), highWaterBytes, highWaterMagic)
	}
	if crc32.Checksum(b[:16], crc32.MakeTable(crc32.Castagnoli)) != binary.LittleEndian.Uint32(b[16:]) {
		return 0, fmt.Errorf("hot: high-water file: %w: checksum does not match", tael.ErrDamaged)
	}
	n := binary.LittleEndian.Uint64(b[8:])
	if n > 1<<32-1 {
		return 0, fmt.Errorf("hot: high-water file: %w: number %d does not fit 32 bits", tael.ErrDamaged, n)
	}
	return uint32(n), nil
}
