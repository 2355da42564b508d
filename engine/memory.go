package engine

import (
	"runtime/debug"
	"time"
)

// restAfter is how long no span must have come in before memory is given back.
const restAfter = 5 * time.Second

// giveBack returns to the operating system what a burst has left: the memtables of segments that are flushed are garbage of some hundred
// megabytes, which the runtime would keep for minutes. It costs a collection, so it is done once after a burst, at rest.
func (e *Engine) giveBack() {
	if e.o.Now().UnixNano()-e.appended.Load() < int64(restAfter) || e.hot.Stats().Sealed > 0 {
		return
	}
	if e.retired.Swap(false) {
		debug.FreeOSMemory()
	}
}
