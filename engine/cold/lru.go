package cold

import "container/list"

// lru keeps values up to a total size in bytes and lets go of those that were not used for the longest time. Its user locks.
type lru[V any] struct {
	limit, size int64
	order       *list.List // of *lruEntry[V], the latest used first
	byKey       map[string]*list.Element
}

type lruEntry[V any] struct {
	key   string
	value V
	size  int64
}

func newLRU[V any](limit int64) *lru[V] {
	return &lru[V]{limit: limit, order: list.New(), byKey: map[string]*list.Element{}}
}

func (l *lru[V]) get(key string) (v V, ok bool) {
	e, ok := l.byKey[key]
	if !ok {
		return v, false
	}
	l.order.MoveToFront(e)
	return e.Value.(*lruEntry[V]).value, true
}

// put keeps a value, unless it alone is over the limit.
func (l *lru[V]) put(key string, v V, size int64) {
	l.remove(key)
	if size > l.limit {
		return
	}
	l.byKey[key] = l.order.PushFront(&lruEntry[V]{key, v, size})
	l.size += size
	for l.size > l.limit {
		l.remove(l.order.Back().Value.(*lruEntry[V]).key)
	}
}

func (l *lru[V]) remove(key string) {
	if e, ok := l.byKey[key]; ok {
		l.size -= l.order.Remove(e).(*lruEntry[V]).size
		delete(l.byKey, key)
	}
}

// retain removes what keep does not want.
func (l *lru[V]) retain(keep func(key string) bool) {
	for key := range l.byKey {
		if !keep(key) {
			l.remove(key)
		}
	}
}
