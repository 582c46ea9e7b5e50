// What is detected at other thresholds, and which objects that finds: to the last bit as `multibox/detect.py` and
// `analysis/links.py` have it. What passes a higher threshold depends on nothing below it, so the candidates that the
// report has are enough for every score from its own on.

const EXPLAINS = 0.5;

class Detector {
  // rules: of the document; arrays: as `detect.py` packs them.
  constructor(rules, arrays, unit) {
    Object.assign(this, { rules, arrays, unit });
    this.rounded = arrays.score instanceof Float32Array ? Math.fround : (value) => value;
    // Where each row of suppression, a class of an image, begins.
    this.starts = [];
    for (let at = 0; at < arrays.score.length; at += 1) {
      const isNew = at === 0 || arrays.image[at] !== arrays.image[at - 1] || arrays.class_id[at] !== arrays.class_id[at - 1];
      if (isNew) this.starts.push(at);
    }
  }

  box(at) {
    const { boxes, score } = this.arrays;
    return [0, 1, 2, 3].map((column) => boxes[column * score.length + at]);
  }

  // Intersection over union; each step rounded as torch rounds it.
  iou(a, b, rule, epsilon) {
    const r = this.rounded;
    const least = (one, other) => (Number.isNaN(one) || Number.isNaN(other) ? NaN : Math.min(one, other));
    const most = (one, other) => (Number.isNaN(one) || Number.isNaN(other) ? NaN : Math.max(one, other));
    const width = most(r(least(a[2], b[2]) - most(a[0], b[0])), 0);
    const height = most(r(least(a[3], b[3]) - most(a[1], b[1])), 0);
    const shared = r(width * height);
    const area = (box) => r(r(box[2] - box[0]) * r(box[3] - box[1]));
    const union = r(r(area(a) + area(b)) - shared);
    if (rule === "epsilon-added") return r(shared / r(union + r(epsilon)));
    if (rule === "union-floor") return r(shared / most(union, r(epsilon)));
    if (rule === "zero-without-union" && union === 0) return 0;
    if (rule === "zero-without-overlap" && shared === 0) return 0;
    return r(shared / union);
  }

  drops(overlap, threshold) {
    if (this.rules.suppression === "not <=") return !(overlap <= threshold);
    if (this.rules.suppression === "not <") return !(overlap < threshold);
    return overlap > threshold;
  }

  // Places of the candidates that one row keeps.
  suppressed(start, end, threshold) {
    const kept = [];
    const boxes = [];
    for (let at = start; at < end; at += 1) {
      const box = this.box(at);
      const isDropped = boxes.some((better) => this.drops(this.iou(better, box, this.rules.iou, this.rules.iou_epsilon), threshold));
      if (isDropped) continue;
      kept.push(at);
      boxes.push(box);
    }
    return this.rules.keep_per_class ? kept.slice(0, this.rules.keep_per_class) : kept;
  }

  // Of each of so many images, its detections: {class_id, prior, score, share}, the highest score first.
  detect(score, nms, images) {
    const { arrays, rounded } = this;
    const [above, overlap] = [rounded(score), rounded(nms)];
    const found = Array.from({ length: images }, () => []);
    this.starts.forEach((start, row) => {
      const whole = row + 1 < this.starts.length ? this.starts[row + 1] : arrays.score.length;
      let end = start;
      while (end < whole && arrays.score[end] > above) end += 1;
      found[arrays.image[start]]?.push(...this.suppressed(start, end, overlap));
    });
    return found.map((places) => {
      places.sort((one, other) => arrays.score[other] - arrays.score[one] || one - other);
      const kept = this.rules.keep_per_image ? places.slice(0, this.rules.keep_per_image) : places;
      return kept.map((at, place) => this.detection(at, place + 1));
    });
  }

  detection(at, rank) {
    const { arrays, rounded, unit } = this;
    const clamp = (value, most) => (Number.isNaN(value) ? value : Math.min(Math.max(value, 0), rounded(most)));
    const isClipped = this.rules.clip === "output";
    const share = this.box(at).map((value, place) => {
      const side = unit[place % 2];
      return rounded((isClipped ? clamp(value, side) : value) / rounded(side));
    });
    return { rank, class_id: arrays.class_id[at], prior: arrays.prior[at], score: arrays.score[at], share };
  }

  // Say of an image's detections and objects what they are to each other; both are changed.
  link(detections, objects) {
    for (const item of objects) Object.assign(item, { status: "missed", detection: null, score: null, iou: null, taken_for: null, explained_by: 0, best_iou: 0 });
    for (const item of detections) {
      let [best, nearest, bestOfClass, nearestOfClass] = [0, 0, 0, 0];
      objects.forEach((object, place) => {
        const overlap = this.iou(item.share, object.share, "zero-without-overlap", 0) || 0;
        if (overlap > best) [best, nearest] = [overlap, place];
        if (object.class_id !== item.class_id) return;
        if (overlap > bestOfClass) [bestOfClass, nearestOfClass] = [overlap, place];
        object.best_iou = Math.max(object.best_iou, overlap);
      });
      Object.assign(item, {
        best_iou: best,
        ground_truth: best > 0 ? nearest : null,
        best_iou_of_class: bestOfClass,
        ground_truth_of_class: bestOfClass > 0 ? nearestOfClass : null,
      });
      if (bestOfClass >= EXPLAINS) {
        const object = objects[nearestOfClass];
        object.explained_by += 1;
        item.role = object.explained_by === 1 ? "finds" : "repeats";
        if (item.role === "finds") Object.assign(object, { status: "found", detection: item.rank, score: item.score, iou: bestOfClass, taken_for: item.class_id });
      } else if (best >= EXPLAINS) {
        const object = objects[nearest];
        item.role = "other-class";
        if (object.status === "missed") Object.assign(object, { status: "found-as-other", detection: item.rank, score: item.score, iou: best, taken_for: item.class_id });
      } else {
        item.role = "nothing";
      }
    }
  }
}
