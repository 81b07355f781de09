from ovlite.kernels.runtime.block cimport Block
from ovlite.kernels.runtime.step cimport CancelToken, dim_t, run_fn, Step

cdef extern from "team.h" nogil:
    ctypedef struct CTeam "Team":
        int size


cdef struct Task:
    run_fn run
    const void* args
    int width


cdef class Team:
    cdef CTeam* team


cdef class Cancellation:
    cdef CancelToken token
    cdef object raised

    cdef void begin(self, long long now) noexcept nogil
    cdef void reset(self) noexcept
    cdef int poll(self) except -1
    cdef int check(self) except -1


cdef void* enter(Cancellation cancellation) noexcept
cdef void leave(void* outer) noexcept


cdef void copy_bytes(Team team, void* target, const void* source, dim_t size) noexcept


cdef class Program:
    cdef Task* tasks
    cdef int count
    cdef int* phases           # the first task of each phase, and behind the last
    cdef int* phase_of         # the phase of each task
    cdef int width
    cdef readonly bint native  # no step needs Python
    cdef readonly tuple origins  # what failures call each step; empty for their numbers
    cdef readonly bint flush   # native steps take denormal numbers for zeros
    cdef readonly list steps
    cdef readonly list segments
    cdef readonly int slots
    cdef readonly dim_t arena_bytes
    cdef readonly dim_t scratch
    cdef dict constants
    cdef readonly dict placed
    cdef int set_phases(self) except -1


cdef struct SlotStride:
    int slot
    char* base
    dim_t step         # bytes
    long long period   # iterations after which it is at `base` again


cdef struct LoopSpec:
    SlotStride* strides
    int stride_count
    int* carried       # pairs: the slot of a state, and the slot of the result that the next iteration takes as it
    int carried_count
    char* counter      # an int64 or int32 that is given the iteration's number, or NULL
    int counter_bytes
    int condition      # slot of a boolean that says whether another iteration follows, or -1
    long long limit
    long long done


cdef struct Span:
    long long begin            # nanoseconds(); 0 where the part was none of the last run's
    long long end
    unsigned long thread       # that carried the part out


cdef class Frame:
    cdef readonly Program program
    cdef char** slots
    cdef readonly dim_t bytes
    cdef Block memory          # arena, then the scratch of each member
    cdef char* scratch
    cdef int lie_in(self, Block memory) except -1
    cdef int members
    cdef Span* spans           # of each member's part of each step, or NULL
    cdef int status
    cdef int failed            # index of the step that failed
    cdef int run_native(self, int begin, int end, CTeam* team, CancelToken* token) noexcept nogil
    cdef int run_loop_native(self, LoopSpec* loop, CTeam* team, CancelToken* token) noexcept nogil
    cdef int run(self, Team team, Cancellation cancellation) except -1
    cdef int native_segment(self, int begin, int end, Team team, Cancellation cancellation) except -1
    cdef int python_step(self, int index, Team team, Cancellation cancellation) except -1
    cdef int fail(self, Cancellation cancellation) except -1
