// Who gets which prior at a threshold, to the last bit as `multibox/matching.py` has it.
//
// Who owns a prior whatever it overlaps does not depend on the threshold under most rules, so that the overlaps that
// the report already has decide. Under two rules it takes the best prior of each object, which is at hand, too.

const [POSITIVE, FORCED, IGNORED, NEGATIVE] = [1, 2, 3, 0];

class Matcher {
  // objects: of the document; arrays: as `match.py` packs them.
  constructor(rule, objects, arrays) {
    Object.assign(this, { rule, objects, arrays });
    this.priors = arrays.level.length;
    // A comparison happens in the precision of the overlaps, the threshold rounded to it.
    this.rounded = arrays.iou instanceof Float32Array ? Math.fround : (value) => value;
  }

  reaches(iou, threshold) {
    // Not `iou >= threshold`: training code asks `iou < threshold` for negatives, and nan is not.
    return this.rule.comparison === ">" ? iou > threshold : !(iou < threshold);
  }

  // {owner, ownerIou, forcing}: the object that owns each prior or -1, and whether that makes it positive.
  claims(threshold) {
    const { owner, ownerIou, iou, bestIou } = this.arrays;
    const least = this.rounded(this.rule.minimum_iou);
    if (this.rule.forced === "taken-over") {
      const strong = this.claim((row) => !(bestIou[row] < least));
      return { owner, ownerIou, forcing: strong.map((winner) => winner >= 0) };
    }
    if (this.rule.forced !== "if-none-reaches") {
      return { owner, ownerIou, forcing: Array.from(owner, (winner) => winner >= 0) };
    }
    const own = this.claim((row) => !this.reaches(bestIou[row], threshold) && bestIou[row] > least);
    for (let prior = 0; prior < this.priors; prior += 1) {
      if (this.reaches(iou[prior], threshold) || this.isBarred(prior)) own[prior] = -1;
    }
    const overlap = Array.from(own, (winner) => (winner >= 0 ? bestIou[winner] : 0));
    return { owner: own, ownerIou: overlap, forcing: own.map((winner) => winner >= 0) };
  }

  isBarred(prior) {
    return this.rule.first_prior_background && prior === 0;
  }

  // Each object that may claims its best prior; the conflict rule says who gets one.
  claim(may) {
    const { bestPrior, bestIou } = this.arrays;
    const byIou = this.rule.conflict === "highest-iou";
    const winners = new Array(this.priors).fill(-1);
    const lost = new Set(); // priors that a nan makes nobody's: it is the largest, and equal to none
    for (let row = 0; row < this.objects.length; row += 1) {
      if (!may(row)) continue;
      const [prior, before] = [bestPrior[row], winners[bestPrior[row]]];
      const takes =
        before < 0 ||
        this.rule.conflict === "last" ||
        (byIou && bestIou[row] > bestIou[before]);
      if (takes && !this.isBarred(prior)) winners[prior] = row;
      if (byIou && Number.isNaN(bestIou[row])) lost.add(prior);
    }
    for (const prior of lost) winners[prior] = -1;
    return winners;
  }

  // {role, object, overlap, owner}: of each prior; whose it is, or whom it overlaps most, and how much.
  roles(wanted) {
    const { iou, nearest } = this.arrays;
    const { rule, objects, priors } = this;
    const threshold = this.rounded(wanted);
    const ignoreFrom = rule.ignore_from === null ? null : this.rounded(rule.ignore_from);
    const { owner, ownerIou, forcing } = this.claims(threshold);
    const role = new Uint8Array(priors);
    const object = new Int32Array(priors);
    const overlap = new Float64Array(priors);
    for (let prior = 0; prior < priors; prior += 1) {
      object[prior] = owner[prior] >= 0 ? owner[prior] : nearest[prior];
      overlap[prior] = owner[prior] >= 0 ? ownerIou[prior] : iou[prior];
      if (!objects.length) continue;
      const mayMatch = !this.isBarred(prior);
      const reached = mayMatch && this.reaches(forcing[prior] ? ownerIou[prior] : iou[prior], threshold);
      const matched = forcing[prior] || reached;
      const label = !matched ? 0 : rule.one_class ? 1 : objects[object[prior]].class_id;
      const positive = rule.background_objects === "counted" ? matched : label > 0;
      if (positive) role[prior] = reached ? POSITIVE : FORCED;
      else if (!matched && mayMatch && ignoreFrom !== null && iou[prior] >= ignoreFrom) role[prior] = IGNORED;
    }
    return { role, object, overlap, owner };
  }

  // What the document says of objects, levels and totals, at another threshold.
  match(wanted, levels) {
    const { role, object, overlap, owner } = this.roles(wanted);
    const { iou, level, bestPrior } = this.arrays;
    const near = this.rounded(wanted - 0.1);
    const objects = this.objects.map((item, row) => {
      const winner = owner[bestPrior[row]];
      const lost = winner >= 0 && winner !== row ? this.objects[winner].index : null;
      return { ...item, positives: 0, forced: 0, lost_to: lost };
    });
    const perLevel = levels.map((each) => ({ ...each, positives: 0, forced: 0, served: new Set() }));
    const totals = { positives: 0, forced: 0, near_misses: 0 };
    for (let prior = 0; prior < this.priors; prior += 1) {
      const isPositive = role[prior] === POSITIVE || role[prior] === FORCED;
      if (!isPositive) {
        totals.near_misses += iou[prior] >= near;
        continue;
      }
      const forced = role[prior] === FORCED;
      for (const part of [objects[object[prior]], perLevel[level[prior]], totals]) {
        part.positives += 1;
        part.forced += forced;
      }
      perLevel[level[prior]].served.add(object[prior]);
    }
    for (const item of objects) item.status = statusOf(item);
    const having = (status) => objects.filter((item) => item.status === status).length;
    Object.assign(totals, {
      ground_truth: objects.length,
      matched: having("matched"),
      forced_only: having("forced-only"),
      without_positive: having("unmatched"),
      invalid: having("invalid"),
      unmatched: objects.filter((item) => !item.positives).length,
    });
    const shown = perLevel.map(({ served, ...each }) => ({ ...each, ground_truth: served.size }));
    return { role, object, overlap, objects, levels: shown, totals };
  }
}

function statusOf(item) {
  if (item.problem) return "invalid";
  if (!item.positives) return "unmatched";
  return item.positives === item.forced ? "forced-only" : "matched";
}
