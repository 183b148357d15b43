package events

import (
	"fmt"
	"math/rand/v2"
)

// The types of a school's events.
const (
	courseDefined     = "CourseDefined"
	studentRegistered = "StudentRegistered"
	subscribed        = "StudentSubscribedToCourse"
)

// School is a log of students and courses: a tenth define courses, two tenths register students, the rest have two tags
// and subscribe one to the other. A course has about a hundred events, a student about a dozen.
type School struct {
	events, courses, students int
}

// NewSchool is one of so many events.
func NewSchool(events int) School {
	return School{events: events, courses: max(events/130, 1), students: max(events/14, 1)}
}

// Event is the one at this place of the log.
func (s School) Event(place int) Event {
	rng := rand.New(rand.NewPCG(uint64(place), 1))
	course, student := s.course(rng), s.student(rng)
	switch place % 10 {
	case 0:
		return Event{courseDefined, []string{course}, data(place, "capacity", "30")}
	case 1, 2:
		return Event{studentRegistered, []string{student}, data(place, "name", "somebody")}
	default:
		return Event{subscribed, []string{course, student}, data(place, "grade", "none yet")}
	}
}

func (s School) course(rng *rand.Rand) string { return fmt.Sprintf("course:c%d", rng.IntN(s.courses)) }
func (s School) student(rng *rand.Rand) string {
	return fmt.Sprintf("student:s%d", rng.IntN(s.students))
}

// data is about a hundred bytes of JSON.
func data(place int, key, value string) []byte {
	return fmt.Appendf(nil, `{"number":%d,"at":"2026-01-01T00:00:00Z","by":"the registry of the school","%s":"%s"}`,
		place, key, value)
}
