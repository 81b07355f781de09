#ifndef OVLITE_SUPPRESSION_H
#define OVLITE_SUPPRESSION_H

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

/* 1 where intersection over union of the box with one of the first n is above the threshold, or NaN; 0 else. A box
 * without an area overlaps none. What lies behind the first n in columns takes part up to a multiple of SIDE_BY_SIDE. */
static int overlaps_any(const float *box, const Boxes *kept, ptrdiff_t n, float threshold)
{
    const float *x1 = kept->columns, *y1 = x1 + kept->room, *x2 = y1 + kept->room, *y2 = x2 + kept->room;
    const float *areas = y2 + kept->room;
    const float area = area_of(box);
    for (ptrdiff_t first = 0; first < n; first += SIDE_BY_SIDE) {
        int found = 0;
        for (ptrdiff_t i = first; i < first + SIDE_BY_SIDE; i++) {
            float width = (x2[i] < box[2] ? x2[i] : box[2]) - (x1[i] > box[0] ? x1[i] : box[0]);
            float height = (y2[i] < box[3] ? y2[i] : box[3]) - (y1[i] > box[1] ? y1[i] : box[1]);
            width = width < 0 ? 0 : width;
            height = height < 0 ? 0 : height;
            const float both = width * height;
            const float whole = areas[i] + area - both;
            const int none = areas[i] <= 0 || area <= 0;
            const float ratio = both / (none || whole <= 0 ? 1.0f : whole);
            found |= !((none ? 0.0f : ratio) <= threshold);
        }
        if (found) return 1;
    }
    return 0;
}

#endif
