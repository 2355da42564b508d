package diskfs

import (
	"maps"
	"math/rand/v2"
)

const pageSize = 4096

// file is the data of a file: pages of a sparse array, now and as on the disk. Pages are never changed in place.
type file struct {
	size     int64
	pages    map[int64][]byte
	dirty    map[int64]bool // changed since the last sync; also pages that are gone
	reserved int64          // bytes that were allocated ahead

	durableSize  int64
	durablePages map[int64][]byte
}

func newFile() *file {
	return &file{pages: map[int64][]byte{}, dirty: map[int64]bool{}, durablePages: map[int64][]byte{}}
}

// used is how many pages the file takes of the disk.
func (f *file) used() int64 { return max(int64(len(f.pages)), (f.reserved+pageSize-1)/pageSize) }

func (f *file) read(off int64, buf []byte) int {
	n := int(max(0, min(int64(len(buf)), f.size-off)))
	buf = buf[:n]
	clear(buf)
	for done := 0; done < n; {
		page, at := (off+int64(done))/pageSize, (off+int64(done))%pageSize
		step := min(n-done, int(pageSize-at))
		if data, ok := f.pages[page]; ok {
			copy(buf[done:done+step], data[at:])
		}
		done += step
	}
	return n
}

// growth is how many pages a write would add.
func (f *file) growth(off int64, n int) int64 {
	before := f.used()
	added := int64(0)
	for page := off / pageSize; page <= (off+int64(n)-1)/pageSize; page++ {
		if _, ok := f.pages[page]; !ok {
			added++
		}
	}
	return max(0, max(int64(len(f.pages))+added, before)-before)
}

func (f *file) write(off int64, data []byte) {
	for done := 0; done < len(data); {
		page, at := (off+int64(done))/pageSize, (off+int64(done))%pageSize
		fresh := make([]byte, pageSize)
		copy(fresh, f.pages[page])
		n := copy(fresh[at:], data[done:])
		f.pages[page], f.dirty[page] = fresh, true
		done += n
	}
	f.size = max(f.size, off+int64(len(data)))
}

func (f *file) truncate(size int64) {
	if size < f.size {
		for page, data := range f.pages {
			switch {
			case page*pageSize >= size:
				delete(f.pages, page)
				f.dirty[page] = true
			case (page+1)*pageSize > size:
				fresh := make([]byte, pageSize)
				copy(fresh, data[:size-page*pageSize])
				f.pages[page], f.dirty[page] = fresh, true
			}
		}
		f.reserved = min(f.reserved, size)
	}
	f.size = size
}

// sync makes the file as it is now the one on the disk.
func (f *file) sync() {
	for page := range f.dirty {
		if data, ok := f.pages[page]; ok {
			f.durablePages[page] = data
		} else {
			delete(f.durablePages, page)
		}
	}
	clear(f.dirty)
	f.durableSize = f.size
}

// failSync is a sync that fails as on Linux: the changes are still read from the cache, count as written, and never reach the disk.
func (f *file) failSync() { clear(f.dirty) }

// cut is the file after the power was cut. With a source of randomness some of what was not synced is on the disk.
func (f *file) cut(rng *rand.Rand) *file {
	after := newFile()
	after.size, after.pages = f.durableSize, maps.Clone(f.durablePages)
	if rng != nil {
		if rng.IntN(2) == 0 {
			after.size = f.size
		}
		for page := range f.dirty {
			if data, ok := f.pages[page]; ok && rng.IntN(2) == 0 {
				after.pages[page] = data
			}
		}
	}
	after.truncate(after.size)
	for page := range after.pages {
		if page*pageSize >= after.size {
			delete(after.pages, page)
		}
	}
	after.sync()
	after.durableSize, after.durablePages = after.size, maps.Clone(after.pages)
	return after
}
