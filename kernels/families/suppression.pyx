"""Non-maximum suppression: of boxes that overlap, the ones with the highest scores.

A class's boxes are sorted by score; each is compared with the ones kept before it, sixteen at a time, and kept
unless it overlaps one of them. The classes of all batches are shared among the team.
"""

from libc.stdint cimport int32_t
from libc.stdlib cimport qsort
from libc.string cimport memset

import numpy as np

from ovlite.kernels.runtime.step cimport CANCELLED, OK, Member, Span, Step, View, address, dim_t, share, stopped

cdef extern from "suppression.h" nogil:
    enum:
        SIDE_BY_SIDE
    ctypedef struct Boxes:
        float* columns
        dim_t room
    void put_box(const Boxes* kept, dim_t at, const float* box) noexcept
    int overlaps_any(const float* box, const Boxes* kept, dim_t n, float threshold) noexcept

cdef enum:
    ELEMENT_COST = 100            # see Step.set_width

cdef struct Candidate:
    float score
    int32_t box

cdef struct SuppressionArgs:
    Span boxes
    Span scores
    Span kept
    Span counts
    dim_t classes              # of a batch
    dim_t groups               # classes of all batches
    dim_t length               # boxes of a batch
    dim_t limit
    float threshold
    float lowest


cdef int order(const void* left, const void* right) noexcept nogil:
    """The highest score first; of equal ones the first box."""
    cdef const Candidate* a = <const Candidate*>left
    cdef const Candidate* b = <const Candidate*>right
    if a.score != b.score:
        return -1 if a.score > b.score else 1
    return -1 if a.box < b.box else 1


cdef dim_t candidates_of(const SuppressionArgs* args, const float* scores, Candidate* found) noexcept nogil:
    """The boxes with scores above the lowest, sorted; returns their number."""
    cdef dim_t i, count = 0
    for i in range(args.length):
        if scores[i] > args.lowest:
            found[count].score = scores[i]
            found[count].box = <int32_t>i
            count += 1
    qsort(found, count, sizeof(Candidate), order)
    return count


cdef int suppress(const void* arguments, char* const* slots, const Member* me) noexcept nogil:
    cdef const SuppressionArgs* args = <const SuppressionArgs*>arguments
    cdef const float* scores = <const float*>address(&args.scores, slots)
    cdef int32_t* kept = <int32_t*>address(&args.kept, slots)
    cdef int32_t* counts = <int32_t*>address(&args.counts, slots)
    cdef const float* boxes
    cdef const float* box
    cdef Boxes before
    cdef Candidate* candidates
    cdef dim_t begin, end, group, i, n, count
    before.columns = <float*>me.scratch
    before.room = (args.limit + SIDE_BY_SIDE - 1) // SIDE_BY_SIDE * SIDE_BY_SIDE
    candidates = <Candidate*>(before.columns + 5 * before.room)
    share(me, args.groups, 1, &begin, &end)
    for group in range(begin, end):
        boxes = <const float*>address(&args.boxes, slots) + group // args.classes * args.length * 4
        memset(before.columns, 0, 5 * before.room * sizeof(float))
        count = candidates_of(args, scores + group * args.length, candidates)
        n = 0
        for i in range(count):
            if i % 64 == 0 and stopped(me):
                return CANCELLED
            if n == args.limit:
                break
            box = boxes + candidates[i].box * 4
            if not overlaps_any(box, &before, n, args.threshold):
                put_box(&before, n, box)
                kept[group * args.limit + n] = candidates[i].box
                n += 1
        counts[group] = <int32_t>n
    return OK


cdef class Suppression(Step):
    """The boxes that are kept of each class, the highest score first.

    boxes: f32 (B, N, 4) of ordered corners, scores: f32 (B, C, N).
    A box is kept when its score is above `lowest` and its intersection over union with each box kept before it is at
    most `threshold`; a NaN of either is not.
    kept: int32 (B, C, limit), of which the first counts[b, c] are written. counts: int32 (B, C). All contiguous.
    """

    cdef SuppressionArgs arguments

    def __init__(self, View boxes, View scores, View kept, View counts, float threshold, float lowest):
        cdef SuppressionArgs* args = &self.arguments
        if len(scores.shape) != 3 or boxes.shape != (scores.shape[0], scores.shape[2], 4):
            raise ValueError(f"Suppression: expected boxes (B, N, 4) and scores (B, C, N), "
                             f"got {boxes.shape} and {scores.shape}")
        if len(kept.shape) != 3 or kept.shape[:2] != scores.shape[:2] or counts.shape != scores.shape[:2]:
            raise ValueError(f"Suppression: expected kept (B, C, limit) and counts (B, C) for scores {scores.shape}, "
                             f"got {kept.shape} and {counts.shape}")
        for view, dtype in ((boxes, np.float32), (scores, np.float32), (kept, np.int32), (counts, np.int32)):
            if view.dtype != dtype or (view.size and not view.contiguous):
                raise ValueError(f"Suppression: expected contiguous {np.dtype(dtype)}, got {view}")
        args.boxes, args.scores, args.kept, args.counts = boxes.span, scores.span, kept.span, counts.span
        args.classes, args.groups = scores.shape[1], counts.size
        args.length, args.limit = scores.shape[2], kept.shape[2]
        args.threshold, args.lowest = threshold, lowest
        self.scratch = (5 * (args.limit + SIDE_BY_SIDE) * sizeof(float) + args.length * sizeof(Candidate))
        self.set_width(scores.size * ELEMENT_COST, args.groups)
        self.reads, self.writes = (boxes, scores), (kept, counts)
        self.args = args
        self.run = suppress
