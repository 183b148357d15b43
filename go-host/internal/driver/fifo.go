package driver

// fifo is a queue that reuses its memory.
type fifo[T any] struct {
	items []T
	head  int
}

func (q *fifo[T]) len() int { return len(q.items) - q.head }

func (q *fifo[T]) push(v T) {
	if q.head > 32 && q.head*2 > len(q.items) {
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, v)
}

// pushFront is slow unless something was popped before.
func (q *fifo[T]) pushFront(v T) {
	if q.head == 0 {
		var none T
		q.items = append([]T{none}, q.items...)
		q.head = 1
	}
	q.head--
	q.items[q.head] = v
}

func (q *fifo[T]) front() *T { return &q.items[q.head] }

func (q *fifo[T]) pop() T {
	var none T
	v := q.items[q.head]
	q.items[q.head] = none
	q.head++
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
	}
	return v
}

// all gives what is in the queue; not to be kept.
func (q *fifo[T]) all() []T { return q.items[q.head:] }

// cut takes away what is not to be kept from a place on, counted from the front. It is slow.
func (q *fifo[T]) cut(from int, keep func(T) bool) {
	to := q.head + from
	for _, v := range q.items[to:] {
		if keep(v) {
			q.items[to] = v
			to++
		}
	}
	clear(q.items[to:])
	q.items = q.items[:to]
}
