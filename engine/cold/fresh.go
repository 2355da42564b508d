package cold

import "sync"

// freshBytes bounds what is kept of metadata that this process wrote and is about to read back.
const freshBytes = 16 << 20

// fresh keeps the manifests of a commit until the state after it is loaded, so that a commit needs no read.
type fresh struct {
	mu      sync.Mutex
	objects map[string][]byte
	bytes   int
}

func (f *fresh) put(key string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.objects == nil {
		f.objects = map[string][]byte{}
	}
	if f.bytes+len(data) <= freshBytes {
		f.objects[key] = data
		f.bytes += len(data)
	}
}

func (f *fresh) take(key string) ([]byte, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	data, ok := f.objects[key]
	return data, ok
}

func (f *fresh) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.objects, f.bytes = nil, 0
}
