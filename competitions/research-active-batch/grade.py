from grading.label_batches import batch_grader

grader = batch_grader(pool=1500)
