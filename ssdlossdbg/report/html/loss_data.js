// The positives and the ranked negatives of a batch, image by image, as rows.

function groupByImage(images, count) {
  const places = Array.from({ length: count }, () => []);
  images.forEach((image, place) => places[image] && places[image].push(place));
  return places;
}

class LossData {
  constructor(arrays, images) {
    this.arrays = arrays;
    this.known = Boolean(arrays.posImage);
    this.positivesOf = this.known ? groupByImage(arrays.posImage, images) : [];
    this.negativesOf = this.known ? groupByImage(arrays.negImage, images) : [];
  }

  // Of one image, the costliest first.
  positives(image) {
    const { arrays: a } = this;
    const rows = (this.positivesOf[image] || []).map((at) => {
      const landmarks = a.posLandmarks ? a.posLandmarks[at] : null;
      return {
        prior: a.posPrior[at],
        level: a.level[a.posPrior[at]],
        object: a.posObject[at] < 0 ? null : a.posObject[at],
        class_id: a.posClass[at],
        forced: Boolean(a.posForced[at]),
        decoded: this.column(a.posDecoded, at, a.posPrior.length),
        localization: a.posLocalization[at],
        confidence: a.posConfidence[at],
        landmarks,
        total: a.posLocalization[at] + a.posConfidence[at] + (landmarks || 0),
        probability: a.posProbability[at],
      };
    });
    return rows.sort((one, other) => rankOf(other.total) - rankOf(one.total));
  }

  // Of one image, in the order of the ranking.
  negatives(image) {
    const { arrays: a } = this;
    return (this.negativesOf[image] || []).map((at) => ({
      prior: a.negPrior[at],
      level: a.level[a.negPrior[at]],
      rank: a.negRank[at],
      score: a.negScore[at],
      loss: a.negLoss[at],
      mined: Boolean(a.negMined[at]),
      class_id: a.negClass[at],
      probability: a.negProbability[at],
      iou: Number.isNaN(a.negIou[at]) ? null : a.negIou[at],
      object: a.negObject[at] < 0 ? null : a.negObject[at],
      minedAt: a.negMinedAt[at],
    }));
  }

  corners(prior) {
    const [cx, cy, w, h] = this.column(this.arrays.boxes, prior, this.arrays.level.length);
    return [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2];
  }

  column(array, at, length) {
    return [0, 1, 2, 3].map((place) => array[place * length + at]);
  }
}

// nan stands with the largest.
function rankOf(value) {
  return Number.isNaN(value) ? Infinity : value;
}
