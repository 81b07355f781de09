#ifndef OVLITE_SUPPRESSION_H
#define OVLITE_SUPPRESSION_H

#include <math.h>
#include <stddef.h>

#pragma GCC optimize("O3")

enum { SIDE_BY_SIDE = 16 };

/* Boxes in columns of `room` floats each: x1, y1, x2, y2, area. room is a multiple of SIDE_BY_SIDE. */
typedef struct {
    float *columns;
    ptrdiff_t room;
} Boxes;

/* Of a box by its ordered corners; one that is turned inside out has none. */
static inline float area_of(const float *box)
{
    return box[2] < box[0] || box[3] < box[1] ? 0 : (box[2] - box[0]) * (box[3] - box[1]);
}

static inline void put_box(const Boxes *kept, ptrdiff_t at, const float *box)
{
    float values[5] = {box[0], box[1], box[2], box[3], area_of(box)};
    for (int i = 0; i < 5; i++) kept->columns[i * kept->room + at] = values[i];
}

typedef struct {
    const float *x1, *y1, *x2, *y2, *area;
} Columns;

/* 0 where none of the boxes shares anything with the box, as is most often; all areas are finite then. */
static inline int may_overlap(const float *box, const Columns *at)
{
    int found = 0;
    for (int i = 0; i < SIDE_BY_SIDE; i++) {
        const float right = at->x2[i] < box[2] ? at->x2[i] : box[2], left = at->x1[i] > box[0] ? at->x1[i] : box[0];
        const float bottom = at->y2[i] < box[3] ? at->y2[i] : box[3], top = at->y1[i] > box[1] ? at->y1[i] : box[1];
        found |= ((right > left) & (bottom > top)) | !(at->area[i] < INFINITY);
    }
    return found;
}

static inline int is_above(const float *box, float area, const Columns *at, float threshold)
{
    int found = 0;
    for (int i = 0; i < SIDE_BY_SIDE; i++) {
        float width = (at->x2[i] < box[2] ? at->x2[i] : box[2]) - (at->x1[i] > box[0] ? at->x1[i] : box[0]);
        float height = (at->y2[i] < box[3] ? at->y2[i] : box[3]) - (at->y1[i] > box[1] ? at->y1[i] : box[1]);
        width = width < 0 ? 0 : width;
        height = height < 0 ? 0 : height;
        const float both = width * height;
        const float whole = at->area[i] + area - both;
        const int none = at->area[i] <= 0 || area <= 0;
        const float ratio = both / (none || whole <= 0 ? 1.0f : whole);
        found |= !((none ? 0.0f : ratio) <= threshold);
    }
    return found;
}

/* 1 where intersection over union of the box with one of the first n is above the threshold, or NaN; 0 else. A box
 * without an area overlaps none. What lies behind the first n in columns takes part up to a multiple of SIDE_BY_SIDE. */
static int overlaps_any(const float *box, const Boxes *kept, ptrdiff_t n, float threshold)
{
    const float area = area_of(box);
    const int always = !(area < INFINITY && threshold >= 0);
    for (ptrdiff_t first = 0; first < n; first += SIDE_BY_SIDE) {
        const float *x1 = kept->columns + first;
        const Columns at = {x1, x1 + kept->room, x1 + 2 * kept->room, x1 + 3 * kept->room, x1 + 4 * kept->room};
        if ((always || may_overlap(box, &at)) && is_above(box, area, &at, threshold)) return 1;
    }
    return 0;
}

#endif
